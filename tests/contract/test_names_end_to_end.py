"""Names in models, in data and of files are mere text in C++, HTML, shells and file names."""

import json
import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.base.paths import ROOT
from host.report.formats import plain
from tests.fixtures import hostile
from tests.fixtures.command_line import run_ok
from tests.fixtures.pages import Page
from tests.fixtures.runs import Finished, run
from tests.fixtures.schemas import validate
from tests.fixtures.unsafe_files import edited

PARTS = 3
BOARD = ("--board", "process", "--samples", "3")


def part(number: int) -> tuple[str | bytes, ...]:
    return hostile.ALL[number::PARTS]


@dataclass(frozen=True)
class Ran:
    """A command that ran on a model in a folder of its own."""

    finished: Finished
    folder: Path
    arguments: tuple[str, ...]

    @property
    def files(self) -> set[str]:
        return {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*")}


def ran(place: Path, name: str, content: bytes, *arguments: str, out: str = "out") -> Ran:
    """The command of these arguments on a model in a file of that name, away from the checkout."""
    place.mkdir(exist_ok=True)
    (place / name).write_bytes(content)
    folder = place / out
    words = (arguments[0], "--model", f"./{name}", f"--out={folder}", *BOARD, *arguments[1:])
    done = run(*words, cwd=place)
    assert set(place.iterdir()) <= {place / name, folder, place / "d.npz"}
    untouched(place)
    return Ran(done, folder, words)


def untouched(place: Path) -> None:
    for folder in (place, ROOT, Path("/tmp")):
        assert not (folder / hostile.CANARY).exists()


def clean(done: Finished) -> None:
    """Nothing on the terminal that it would obey."""
    assert hostile.shown(done.out + done.err)


@pytest.fixture(scope="module")
def plain_runs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The runs of a model with plain names, by command and part."""

    @cache
    def made(command: str, number: int) -> Ran:
        place = tmp_path_factory.mktemp("plain")
        content = hostile.model(hostile.names_of(len(part(number))))
        return ran(place, "plain.tflite", content, command, "--data", "random")

    return made


@pytest.mark.parametrize("number", range(PARTS))
@pytest.mark.parametrize("command", ["flash-and-eval", "profile"])
def test_tensor_names(tmp_path: Path, plain_runs: Any, command: str, number: int) -> None:
    names = part(number)
    usual: Ran = plain_runs(command, number)
    made = ran(tmp_path, "m.tflite", hostile.model(names), command, "--data", "random")
    assert made.finished.code == usual.finished.code == 0, made.finished.err
    clean(made.finished)
    assert made.files == usual.files
    same_sources(made.folder, usual.folder)
    report = json.loads((made.folder / "report.json").read_text())
    validate(command, report)
    found = {block["name"] for block in report["memory"]["arena"]}
    assert {hostile.text_of(name) for name in names} <= found
    page, plain_page = (Page((r.folder / "report.html").read_text("utf-8")) for r in (made, usual))
    assert page.elements <= plain_page.elements
    assert page.outline == plain_page.outline
    for name in names:
        assert plain(hostile.text_of(name)) in page.text
    assert hostile.shown((made.folder / "report.html").read_text("utf-8"))


def same_sources(left: Path, right: Path) -> None:
    """The generated C++ of both differs in the model's hash at most."""
    for path in (left / "src").iterdir():
        texts = [(folder / "src" / path.name).read_text() for folder in (left, right)]
        one, other = (re.sub(r"(kTfliteSha256\[32\] = )\{[^}]*\}", r"\1", text) for text in texts)
        assert one == other


@pytest.mark.parametrize("number", range(PARTS))
def test_tensors_that_are_asked_for(tmp_path: Path, number: int) -> None:
    names = part(number)
    # What cannot be an argument is asked for by its index.
    words = [
        f"--tensor={name}"
        if isinstance(name, str) and "\0" not in name and name.isprintable()
        else f"--tensor={3 * i + 1}"
        for i, name in enumerate(names)
    ]
    made = ran(tmp_path, "m.tflite", hostile.model(names), "trace", *words)
    assert made.finished.code == 0, made.finished.err
    clean(made.finished)
    report = json.loads((made.folder / "report.json").read_text())
    validate("trace", report)
    assert [t["tensor_name"] for t in report["tensors"]] == [
        hostile.text_of(name) for name in names
    ]
    with np.load(made.folder / "tensors.npz", allow_pickle=False) as values:
        assert all(re.fullmatch(r"(device|host)_\d+", key) for key in values.files)
        assert len(values.files) == 2 * len(names)
    assert shlex.split(report["command"])[3:] == [*made.arguments, "--engine", "aot"]


@pytest.mark.parametrize("number", range(PARTS))
def test_a_tensor_that_is_not_there(tmp_path: Path, number: int) -> None:
    wanted = "+".join(hostile.FILE_NAMES[number::PARTS])
    made = ran(tmp_path, "m.tflite", hostile.model(part(number)), "trace", f"--tensor={wanted}")
    assert made.finished.code == 2
    clean(made.finished)


@pytest.mark.parametrize("number", range(PARTS))
def test_models_of_which_one_is_explained(tmp_path: Path, number: int) -> None:
    pages, texts = [], []
    for kind, names in (("plain", hostile.names_of(len(part(number)))), ("hostile", part(number))):
        place = tmp_path / kind
        place.mkdir()
        for file, change in (("a.tflite", 0), ("b.tflite", 9)):
            (place / file).write_bytes(hostile.model(names, change))
        words = ("explain", "a.tflite", "b.tflite", "--data", "random", f"--out={place / 'out'}")
        done = run_ok(*words, cwd=place)
        clean(done)
        untouched(place)
        assert {p.name for p in (place / "out").iterdir()} == {"report.html", "report.json"}
        report = json.loads((place / "out" / "report.json").read_text())
        validate("explain", report)
        texts.append((place / "out" / "report.html").read_text("utf-8"))
        pages.append(Page(texts[-1]))
    assert pages[1].elements <= pages[0].elements
    assert pages[1].outline == pages[0].outline
    assert hostile.shown(texts[1])
    for name in part(number):
        assert plain(hostile.text_of(name)) in pages[1].text


@pytest.mark.parametrize("name", ["+".join(hostile.FILE_NAMES[i::6]) for i in range(6)])
def test_files_and_folders(tmp_path: Path, plain_runs: Any, name: str) -> None:
    usual: Ran = plain_runs("profile", 0)
    place = tmp_path / name
    content = hostile.model(hostile.names_of(len(part(0))))
    made = ran(place, f"{name}.tflite", content, "profile", out=f"{name} out")
    assert made.finished.code == 0, made.finished.err
    clean(made.finished)
    assert made.files == usual.files
    report = json.loads((made.folder / "report.json").read_text())
    assert report["model"]["name"] == name
    assert shlex.split(report["command"])[3:] == [*made.arguments, "--engine", "aot"]
    page, plain_page = (Page((r.folder / "report.html").read_text("utf-8")) for r in (made, usual))
    assert page.elements <= plain_page.elements
    assert page.outline == plain_page.outline
    assert plain(name) in page.text
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "name",
    ["+".join(hostile.FILE_NAMES[::2]), "+".join(hostile.FILE_NAMES[1::2]), "x" * 300, "\udcff"],
)
def test_files_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    (tmp_path / "m.tflite").write_bytes(hostile.model(("a",)))
    for words in (
        ("flash-and-eval", f"--model={name}", "--data", "random"),
        ("flash-and-eval", "--model", "m.tflite", f"--data={name}"),
        ("explain", "m.tflite", f"./{name}", "--data", "random"),
        ("flash-and-eval", f"--board={name}"),
        ("study", "--dataset", "digits", f"--model-fn={name}:f"),
    ):
        done = run(*words, cwd=tmp_path)
        assert done.code == 2, done.err
        clean(done)
    untouched(tmp_path)


def test_arrays_of_a_data_set(tmp_path: Path) -> None:
    arrays = {name: np.zeros(2) for name in hostile.NAMES if set(name).isdisjoint("/\\\0\ud800")}
    (tmp_path / "m.tflite").write_bytes(hostile.model(("a",)))
    np.savez(tmp_path / "d.npz", **arrays)  # type: ignore[arg-type]
    done = run("flash-and-eval", "--model", "m.tflite", "--data", "d.npz", cwd=tmp_path)
    assert done.code == 2 and "no array `x`" in done.err
    assert len(done.err) < 4000
    clean(done)
    np.savez(tmp_path / "d.npz", x=np.zeros((3, 4)), **arrays)  # type: ignore[arg-type]
    made = ran(tmp_path, "m.tflite", hostile.model(("a",)), "profile", "--data", "d.npz", out="o")
    assert made.finished.code == 0, made.finished.err
    clean(made.finished)


def test_custom_operators(tmp_path: Path) -> None:
    names = (hostile.text_of(name) for name in hostile.ALL if len(name) < 100)
    for name in ("+".join(names), hostile.BYTES):
        content = hostile.custom(hostile.encoded(name))
        made = ran(tmp_path, "m.tflite", content, "flash-and-eval", "--data", "random")
        assert made.finished.code == 2
        clean(made.finished)


def test_layers_of_a_keras_file(tmp_path: Path) -> None:
    name = "+".join(hostile.FILE_NAMES)

    def rename(config: Any) -> None:
        config["config"]["name"] = config["config"]["layers"][1]["config"]["name"] = name

    def reclass(config: Any) -> None:
        config["config"]["layers"][1]["class_name"] = name

    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).normal(size=(40, 4)))
    for change, codes in ((rename, (0, 1, 2)), (reclass, (2,))):
        path = edited(tmp_path / "tf_keras.h5", change)
        done = run("flash-and-eval", "--model", path, "--data", "d.npz", *BOARD, cwd=tmp_path)
        assert done.code in codes, done.err
        clean(done)
    untouched(tmp_path)
