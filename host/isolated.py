"""Calls in a process of their own, for native code that a strange model may crash."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

from host.errors import OracleError

P = ParamSpec("P")
T = TypeVar("T")


def call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """``function(*args, **kwargs)`` in a fresh process; what it raises is raised here.

    A pipe and no pool: a pool needs semaphores, which containers without /dev/shm refuse.

    Raises:
        OracleError: the process crashed.
    """
    # "spawn", not "fork": TensorFlow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, function, args, kwargs), daemon=True)
    process.start()
    sender.close()  # so that the pipe ends when the process does
    try:
        value, error = receiver.recv()
    except EOFError as end:
        process.join()
        raise OracleError(
            f"the process that ran {function.__name__} crashed (exit code {process.exitcode})",
            "LiteRT or TFLM crashed on this model: is the file damaged? Convert it again.",
        ) from end
    finally:
        process.kill()
        process.join()
    if error is not None:
        raise error
    result: T = value
    return result


def _work(
    sender: Connection, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]
) -> None:
    try:
        sender.send((function(*args, **kwargs), None))
    except Exception as error:  # handed over, whatever it is
        sender.send((None, error))
