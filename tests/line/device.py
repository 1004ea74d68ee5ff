"""Devices that the tests can switch: the real firmware in an emulator or as a process."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from host.device.link import Link
from host.engines import find_engine
from host.firmware.boards import find_board
from host.firmware.build import build_image
from host.firmware.image import Image
from host.models.tflite import parse
from host.targets import find_target, with_link


def built(model: bytes, board: str, folder: Path) -> Image:
    """The image of a .tflite file, by engine aot."""
    graph, env = parse(model), find_board(board)
    engine, _ = find_engine("aot", env)
    return build_image(engine.render(graph), graph, env, folder)


class Device:
    """An image on a board that this computer emulates; off to begin with."""

    def __init__(self, image: Image, board: str, log: Path, link: str | None = None) -> None:
        self._image = image
        env = find_board(board)
        self._board = with_link(env, find_target(env), link)
        self._log = log
        self._running = ExitStack()

    def start(self) -> Link:
        self.stop()
        target = find_target(self._board)
        return self._running.enter_context(target.start(self._image, self._board, self._log))

    def stop(self) -> None:
        """End it; nothing if it does not run."""
        self._running.close()

    def __enter__(self) -> "Device":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
