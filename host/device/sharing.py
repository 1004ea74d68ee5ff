"""Samples shared among devices that are alike: each is answered once, whichever computes it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from host.device.session import Answer, Session
from host.device.wire.spec import InferMode


def side_by_side(
    sessions: Sequence[Session],
    samples: Sequence[bytes],
    known: Mapping[int, Answer] | None = None,
    cancelled: threading.Event | None = None,
    keep: Callable[[Answer], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Answer]:
    """Every sample's answer, in their order.

    Args:
        sessions: one for each device; they have said HELLO.
        known: answers that are there already, by sample.
        cancelled: the one that all sessions were given; is set when one of them fails. May be
            left out for a single session.
        keep: gets each new answer as it comes, one at a time.
        progress: called with the number of answers so far.

    Raises:
        LinkError, DeviceError: see ``Session.infer``; the first that happened.
    """
    answers = dict(known or {})
    left = [number for number in range(len(samples)) if number not in answers]
    lock = threading.Lock()

    def answered(answer: Answer) -> None:
        with lock:
            answers[answer.sample] = answer
            if keep is not None:
                keep(answer)
            if progress is not None:
                progress(len(answers))

    def share(session: Session, numbers: Sequence[int]) -> None:
        inputs = [samples[number] for number in numbers]
        session.infer(inputs, InferMode.PLAIN, answered, numbers)

    if len(sessions) == 1:
        share(sessions[0], left)
    else:
        assert cancelled is not None
        with ThreadPoolExecutor(len(sessions)) as pool:
            try:
                futures = [
                    pool.submit(share, session, left[at :: len(sessions)])
                    for at, session in enumerate(sessions)
                ]
                for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                    future.result()
            except BaseException:
                cancelled.set()
                raise
    return [answers[number] for number in range(len(samples))]
