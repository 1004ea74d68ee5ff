"""Calls in processes of their own: for native code that a strange model may crash, and to run
several at once."""

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, ParamSpec, TypeVar

from host.base.errors import CrashError, FlashAndEvalError, MachineError
from host.base.processes import interrupts_held

P = ParamSpec("P")
T = TypeVar("T")


def call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """``function(*args, **kwargs)`` in a fresh process; what it raises is raised here.

    Raises:
        CrashError: the process crashed.
        MachineError: it raised an error that is none of this program's.
    """
    calls = side_by_side(functools.partial(function, **kwargs), [args], 1)
    with contextlib.closing(calls):
        _, outcome = next(calls)
    if isinstance(outcome, CrashError):
        raise CrashError(f"{function.__name__}: {outcome.message}")
    if isinstance(outcome, FlashAndEvalError):
        raise outcome
    return outcome


def side_by_side(
    function: Callable[..., T],
    calls: Sequence[tuple[Any, ...]],
    jobs: int,
    environment: Mapping[str, str] | None = None,
) -> Generator[tuple[int, T | FlashAndEvalError], None, None]:
    """``function(*arguments)`` for each of ``calls``, each in a fresh process, ``jobs`` at once.

    Yields the index of a call and what it returned, or the error that ended it, as they end: one
    that fails or crashes takes none of the others with it. Close the iterator (``with
    contextlib.closing(…)``) and every process is gone.

    Args:
        function: of a module, so that the new process can import it.
        jobs: at least 1.
        environment: variables that the processes see from their very first import on.
    """
    waiting = list(enumerate(calls))[::-1]
    running: dict[Connection, tuple[int, SpawnProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                index, arguments = waiting.pop()
                receiver, process = _start(function, arguments, environment or {})
                running[receiver] = (index, process)
            for ready in connection.wait(list(running)):
                assert isinstance(ready, Connection)
                index, process = running[ready]
                outcome: T | FlashAndEvalError
                try:
                    outcome = ready.recv()
                    process.join()
                except EOFError:
                    process.join()
                    what = f"its process crashed (exit code {process.exitcode})"
                    outcome = CrashError(what, "Was it short of memory? Try --jobs 1.")
                del running[ready]
                ready.close()
                yield index, outcome
    finally:
        for _, process in running.values():
            process.kill()
        for _, process in running.values():
            process.join()


def _start(
    function: Callable[..., Any], args: Any, environment: Mapping[str, str]
) -> tuple[Connection, SpawnProcess]:
    """A process that calls the function, and where its answer comes out.

    A pipe and no pool: a pool needs semaphores, which containers without /dev/shm refuse.
    """
    # "spawn", not "fork": TensorFlow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, function, args), daemon=True)
    # It unblocks interrupts where it has to start first, so it starts before they are held.
    resource_tracker.ensure_running()
    # Ctrl-C goes to every process of the terminal. What is started here never gets it, so that it
    # ends by this process's hand and without a traceback.
    with interrupts_held(), _variables(environment):
        process.start()
    sender.close()  # so that the pipe ends when the process does
    return receiver, process


@contextlib.contextmanager
def _variables(environment: Mapping[str, str]) -> Iterator[None]:
    """These variables in the environment, which a process inherits as it starts."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(sender: Connection, function: Callable[..., Any], args: Any) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # multiprocessing's way to end it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        answer = function(*args)
    except FlashAndEvalError as error:
        answer = error
    except OSError as error:
        answer = MachineError(str(error), "Check the disk's space and the folder's permissions.")
    except Exception as error:  # in words: others cannot all be sent to another process
        bug = "This is a bug: please report it."
        answer = MachineError(f"{type(error).__name__}: {error}", bug)
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
        sender.send(answer)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, perhaps killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
