"""Where planted faults are made: a folder in which what several cases need is made once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from host.base.arrays import Array
from host.models import tflite
from host.models.tflite import Graph
from tests.fixtures.runs import shared_model
from tests.planted import converting
from tests.planted.networks import NETWORKS, SCORED, calibration, save_data, train

# Models that others trained, by their files' names.
KWS, IC = "mlperf_kws_int8.tflite", "mlperf_ic_int8.tflite"
_RANDOM_SAMPLES = 20  # of the models that others trained, which are large


@dataclass(frozen=True)
class Pair:
    """What ``explain`` is asked about: its arguments, and the operator that is to blame.

    Attributes:
        a, b: .tflite files or run folders; a is taken as right.
        data: an .npz, or "random".
        reference: the trained model, .h5.
        deployed: an .npz with the samples as the deployment feeds them.
        operator: index in B, or None where no single one is to blame.
        samples: how many to run at most.
    """

    a: Path
    b: Path
    data: str
    reference: Path | None = None
    deployed: Path | None = None
    operator: int | None = None
    samples: int = SCORED

    @property
    def arguments(self) -> list[str]:
        """The command line after ``explain``."""
        words = [str(self.a), str(self.b), "--data", self.data]
        words += ["--samples", str(self.samples)]
        if self.reference is not None:
            words += ["--reference", str(self.reference)]
        if self.deployed is not None:
            words += ["--deployed-data", str(self.deployed)]
        return words


@dataclass(frozen=True)
class Workshop:
    """Makes models in ``folder``. Several processes may share a folder.

    Another ``variant`` trains every network and draws every representative sample with other seeds:
    whether ``explain`` was made for the faults or for these very files shows there.
    """

    folder: Path
    variant: int = 0

    def once(self, name: str, make: Callable[[Path], object]) -> Path:
        """The file of that name, made by ``make`` if it is not there."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not path.exists():
                unfinished = path.with_name(f"unfinished-{path.name}")
                make(unfinished)
                unfinished.rename(path)
        return path

    def data_file(self, network: str) -> Path:
        def make(path: Path) -> None:
            save_data(NETWORKS[network], path, 100 * self.variant)

        return self.once(f"{network}.npz", make)

    def data(self, network: str) -> Mapping[str, Array]:
        return _arrays(self.data_file(network))

    def samples(self, network: str, seed: int = 0, count: int = 200) -> Array:
        """Representative samples, drawn with a seed."""
        return calibration(self.data(network)["x_train"], seed + 100 * self.variant, count)

    def keras(self, network: str, seed: int = 0) -> Path:

        def make(path: Path) -> None:
            train(NETWORKS[network], self.data(network), seed + 100 * self.variant, path)

        return self.once(f"{network}-{seed}.h5", make)

    def healthy(self, network: str, seed: int = 0) -> Graph:
        """Its conversion as it should be; or a model that others trained, by its file's name."""
        if network.endswith(".tflite"):
            return shared(network)

        def make(path: Path) -> None:
            model = converting.load(self.keras(network, seed))
            path.write_bytes(converting.convert(model, self.samples(network)))

        return tflite.load(self.once(f"{network}-{seed}.tflite", make))

    def saved(self, case: str, model: Any) -> Path:
        """The file of a float model that only one case has."""
        path = self.folder / case / "float.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(path, include_optimizer=False)
        return path

    def pair(
        self,
        case: str,
        network: str,
        b: Graph | bytes,
        operator: int | None = None,
        *,
        a: Graph | bytes | None = None,
        keras: Path | None = None,
        random: bool = False,
        deployed: Array | None = None,
    ) -> Pair:
        """Write a pair's files; what is not given is the healthy network's.

        Of a model that others trained there is nothing but the file: random codes, no reference.
        """
        ours = not network.endswith(".tflite")
        folder = self.folder / case
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "a.tflite").write_bytes(_content(self.healthy(network) if a is None else a))
        (folder / "b.tflite").write_bytes(_content(b))
        fed = None
        if deployed is not None:
            fed = folder / "deployed.npz"
            np.savez(fed, x=deployed.astype(np.float32))
        return Pair(
            a=folder / "a.tflite",
            b=folder / "b.tflite",
            data="random" if random or not ours else str(self.data_file(network)),
            reference=keras or (self.keras(network) if ours else None),
            deployed=fed,
            operator=operator,
            samples=SCORED if ours else _RANDOM_SAMPLES,
        )

    def run_folder(
        self, case: str, network: str, device: Graph, operator: int | None = None
    ) -> Pair:
        """B is a run folder of the healthy file, on whose device ``device`` was computed."""
        folder = self.folder / case
        run = folder / "run"
        run.mkdir(parents=True, exist_ok=True)
        graph = self.healthy(network)
        for path in (folder / "a.tflite", run / "model.tflite"):
            path.write_bytes(graph.content)
        data = self.data(network)
        x, y = data["x"], data["y"]
        np.savez_compressed(
            run / "predictions.npz",
            x=x,
            y=y,
            tflm_host=converting.output_codes(graph, x),
            device=converting.output_codes(device, x),
        )
        return Pair(
            folder / "a.tflite",
            run,
            str(self.data_file(network)),
            reference=self.keras(network),
            operator=operator,
        )


@dataclass(frozen=True)
class Case:
    """One pair, and what is to be said of it first; ``cause`` is None where nothing is wrong."""

    name: str
    cause: str | None
    make: Callable[[Workshop, str], Pair]

    @classmethod
    def of(
        cls, name: str, cause: str | None, make: Callable[..., Pair], *args: Any, **options: Any
    ) -> "Case":
        """The case that ``make`` makes of a workshop, the case's name and the arguments."""
        return cls(name, cause, lambda workshop, folder: make(workshop, folder, *args, **options))

    def build(self, workshop: Workshop) -> Pair:
        """Make its files, in the folder of its name."""
        return self.make(workshop, self.name)


def patched(
    workshop: Workshop,
    case: str,
    network: str,
    change: Callable[[Graph], Graph],
    operator: int | None = None,
    *,
    random: bool = False,
) -> Pair:
    """The healthy .tflite, and what ``change`` makes of it."""
    b = change(workshop.healthy(network))
    return workshop.pair(case, network, b, operator, random=random)


def converted(
    workshop: Workshop,
    case: str,
    network: str,
    operator: int | None = None,
    *,
    change: Callable[[Any], None] = lambda model: None,
    samples: Array | None = None,
    **options: bool,
) -> Pair:
    """The healthy .tflite, and another conversion of the float model.

    Args:
        workshop, case, network, operator: see ``Workshop.pair``.
        change: what is done to the float model before.
        samples: the representative data; None is the healthy conversion's.
        options: of ``converting.convert``.
    """
    model = converting.load(workshop.keras(network))
    change(model)
    chosen = workshop.samples(network) if samples is None else samples
    return workshop.pair(case, network, converting.convert(model, chosen, **options), operator)


@cache
def shared(name: str) -> Graph:
    """A model that others trained; the test is skipped where it is not there."""
    return tflite.load(shared_model(name))


def _content(model: Graph | bytes) -> bytes:
    return model if isinstance(model, bytes) else model.content


@cache
def _arrays(path: Path) -> Mapping[str, Array]:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}
