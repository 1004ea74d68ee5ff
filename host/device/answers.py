"""Answers, written to disk as they come, so that a run that was stopped can be resumed.

The file holds frames, as they come over the line: a truncated or damaged one is noticed by its CRC,
and costs one answer. The first frame says which run they belong to.
"""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from host.base.errors import ConfigError, MachineError
from host.device.identity import DeviceInfo
from host.device.session import Answer
from host.device.wire import messages
from host.device.wire.frames import Decoder, Frame, encode
from host.device.wire.spec import MessageType, Status

NAME = "answers.frames"


class AnswerFile:
    """The file of one run.

    Args:
        image: the bytes of the firmware's ELF file, part of what tells runs apart.
        resume: keep what the file has; else it starts empty.
    """

    def __init__(self, path: Path, image: bytes, *, resume: bool) -> None:
        self._path = path
        self._image = image
        self._resume = resume
        self._samples: Sequence[bytes] = ()
        self._file: BinaryIO | None = None
        self.resumed = 0  # answers from earlier attempts
        self.count = 0  # answers that are in the file

    @property
    def notes(self) -> tuple[str, ...]:
        """What the report must say, in whole sentences."""
        if not self._resume:
            return ()
        if not self.resumed:
            return ("--resume found no answers from an earlier attempt: all samples were run.",)
        return (
            f"{self.resumed} of {len(self._samples)} answers are from an earlier attempt; the "
            "link's numbers cover only the others.",
        )

    def open(self, info: DeviceInfo, samples: Sequence[bytes]) -> dict[int, Answer]:
        """Start to keep answers; those that the file has already, by sample.

        Raises:
            ConfigError: what the file has belongs to another device, image, model or samples.
        """
        self._samples = samples
        key = self._key(info)
        frames = self._frames()
        if not frames:
            self._path.write_bytes(encode(Frame(MessageType.LOG, 0, key)))
        elif frames[0].payload != key:
            raise ConfigError(
                f"{self._path} belongs to another run, with another model, samples, board, "
                "firmware or version",
                "Give the same options as then, or leave out --resume to start over.",
            )
        known = dict(map(_answer, frames[1:]))
        self.resumed = self.count = len(known)
        self._file = self._path.open("ab")
        return known

    def add(self, answer: Answer) -> None:
        """Keep one. It is on disk at once, whatever happens to this process."""
        assert self._file is not None, "open comes first"
        values = {
            "status": Status.OK,
            "model": 0,
            "sample": answer.sample,
            "input_crc": zlib.crc32(self._samples[answer.sample]),
            "ticks": answer.ticks,
            "detail": answer.detail,
            "output": answer.output,
        }
        payload = messages.pack(MessageType.INFER_REPLY, values)
        self._file.write(encode(Frame(MessageType.INFER_REPLY, 0, payload)))
        self._file.flush()
        self.count += 1

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._file is not None:
            self._file.close()

    def remove(self) -> None:
        """Remove the file: the run is done, and its report has everything."""
        self.close()
        self._path.unlink(missing_ok=True)

    def _key(self, info: DeviceInfo) -> bytes:
        total = hashlib.sha256(self._image)
        total.update(repr(replace(info, receive_window=0)).encode())  # it may be another link
        for sample in self._samples:
            total.update(hashlib.sha256(sample).digest())
        return f"flash-and-eval answers {total.hexdigest()}".encode()

    def _frames(self) -> list[Frame]:
        """What earlier attempts left."""
        if not self._resume or not self._path.is_file():
            return []
        items = Decoder().feed(self._path.read_bytes())
        return [item for item in items if isinstance(item, Frame)]


def _answer(frame: Frame) -> tuple[int, Answer]:
    values = messages.unpack(MessageType.INFER_REPLY, frame.payload)
    number = values["sample"]
    return number, Answer(number, values["ticks"], values["detail"], values["output"])


@contextmanager
def kept(answers: AnswerFile, command: str) -> Iterator[None]:
    """If the block ends early, tell the user the command that resumes the run."""
    try:
        yield
    except MachineError as error:
        error.hint = f"{error.hint} {_advice(answers, command)}".strip()
        raise
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_advice(answers, command)) from None
    finally:
        answers.close()


def _advice(answers: AnswerFile, command: str) -> str:
    if not answers.count:
        return ""
    return f"{answers.count} samples were answered and are kept; continue with: {command}"
