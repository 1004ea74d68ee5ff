"""The folder of a run: held by one run at a time, its results whole or not there at all."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from host.base import locks
from host.base.errors import ConfigError
from host.base.files import complete, write_bytes
from host.base.paths import new_run_folder
from host.firmware.boards import Board
from host.models.keras_file import ZIP_MAGIC
from host.models.source import ModelFile
from host.models.tflite import Graph

# Files of a run that other commands read.
MODEL, PREDICTIONS = "model.tflite", "predictions.npz"


def check_folder(folder: Path | None) -> None:
    """See that the run can have its folder, before anything is trained for it.

    Raises:
        ConfigError: it is not a folder, holds other files, or is held by another run.
    """
    if folder is None or not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigError(f"--out {folder} is not a folder")
    others = {path.name for path in folder.iterdir()} - {locks.NAME}
    if others and MODEL not in others:
        raise ConfigError(
            f"--out {folder} holds other files", "Give a new folder, or one of an earlier run."
        )
    with locks.folder(folder):
        pass


@contextlib.contextmanager
def run_folder(
    wanted: Path | None, board: Board, model: ModelFile, graph: Graph, results: Sequence[str]
) -> Iterator[Path]:
    """The run's folder, held to the end of the context, with its models in it.

    The results of an earlier run are removed; so are this one's where the context ends badly.

    Args:
        wanted: the folder that the user names; None makes a new one in runs/.
        results: names of the files that the run will write.

    Raises:
        ConfigError: see ``check_folder``.
        MachineError: it cannot be written to.
    """
    check_folder(wanted)
    folder = wanted or new_run_folder(board.name, model.name)
    with locks.folder(folder), complete(folder, results):
        if model.path.is_file() and model.kind != "tflite":
            content = model.path.read_bytes()
            suffix = ".keras" if content.startswith(ZIP_MAGIC) else ".h5"  # whatever its name says
            write_bytes(folder / f"model{suffix}", content)
        write_bytes(folder / MODEL, graph.content)
        yield folder
