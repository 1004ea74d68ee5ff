"""``explain`` with the real converter and the real kernels, as a user calls it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.base.paths import ROOT
from host.diagnosis.causes.registry import CAUSES
from host.diagnosis.comparison.keras_layers import run_layers
from host.diagnosis.trials.trial import TRIED
from host.models import tflite
from host.report.document import DOCUMENT
from tests.fixtures.command_line import run_ok
from tests.fixtures.models import dense, saved
from tests.fixtures.runs import Finished, run
from tests.fixtures.schemas import validate

tf_keras = pytest.importorskip("tf_keras", reason="tf_keras is not installed")
keras = pytest.importorskip("keras", reason="Keras 3 is not installed")


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Path]:
    folder = tmp_path_factory.mktemp("explained")
    return run("explain", "qat-int8", "qat-weights-ptq", "--json", "--out", folder), folder


def test_the_question_that_started_this(routes: tuple[Finished, Path]) -> None:
    """Why does a QAT-derived model differ from the same weights put through PTQ?"""
    done, _ = routes
    assert done.code == 0, done.err
    found = done.json
    causes = {f["cause"]: f for f in found["findings"]}
    assert set(causes) == {"qat-ranges-unconverged", "weight-granularity"}
    assert all(f["effect"] > 1 for f in causes.values())
    # Neither alone does much; together they are all of it.
    groups = {i["name"]: i for i in found["interventions"] if i["kind"] == "group"}
    assert set(groups) == {"activation ranges", "weights", "biases"}
    assert found["equal_after_all"] == 1.0
    missing = 100 * (1 - found["agreement"]["equal_outputs"])
    assert missing > 2
    assert sum(g["share"] for g in groups.values()) == pytest.approx(missing, abs=0.01)
    assert sum(f["effect"] for f in causes.values()) == pytest.approx(missing, abs=0.5)
    assert any("6" in e and "0.999" in e for e in causes["qat-ranges-unconverged"]["evidence"])


def test_every_operator_has_its_keras_layers(routes: tuple[Finished, Path]) -> None:
    layers = routes[0].json["layers"]
    assert [layer["aligned"] for layer in layers] == ["order"] * len(layers)
    assert layers[0]["keras"] == ["conv2d", "batch_normalization", "re_lu"]
    assert layers[-1]["name"] == "SOFTMAX" and layers[-1]["keras"] == ["probability"]
    # SQNR against the trained model, for both.
    assert all(layer[side]["sqnr"] > 5 for layer in layers for side in ("a", "b"))


def test_json_is_what_the_schema_says(routes: tuple[Finished, Path]) -> None:
    done, folder = routes
    validate("explain", done.json)
    assert json.loads((folder / DOCUMENT).read_text()) == done.json


def test_the_documentation_lists_every_cause() -> None:
    text = (ROOT / "docs" / "explain.md").read_text()
    listed = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert sorted(set(listed) - {"cause"}) == sorted({*CAUSES, *TRIED})


def test_the_same_command_says_the_same(routes: tuple[Finished, Path], tmp_path: Path) -> None:
    words = ("explain", "qat-int8", "qat-weights-ptq", "--json", "--out", tmp_path)
    again = run(*words, fresh=True)  # with another order of sets
    for key in ("findings", "layers", "interventions", "agreement"):
        assert again.json[key] == routes[0].json[key]


def test_a_run_folder_brings_its_samples(tmp_path: Path) -> None:
    graph = tflite.parse(dense(12, 4, seed=1))
    folder = tmp_path / "a run"
    folder.mkdir()
    (folder / "model.tflite").write_bytes(graph.content)
    x = np.random.default_rng(0).integers(-128, 128, (9, 12)).astype(np.int8)
    np.savez(folder / "predictions.npz", x=x)
    other = saved(tmp_path / "other.tflite", dense(12, 4, seed=2))
    done = run_ok("explain", folder, other, "--json", "--out", tmp_path / "out")
    assert done.json["agreement"]["samples"] == 9
    assert done.json["findings"][0]["cause"] == "weights-differ"
    assert done.json["findings"][0]["operator"] == 0


def test_formats_that_cannot_be_exchanged_are_said(tmp_path: Path) -> None:
    done = run_ok("explain", "ptq-int8", "ptq-int16x8", "--json", "--out", tmp_path)
    assert done.json["findings"] == []
    assert any("int8 in A and in int16 in B" in note for note in done.json["notes"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.tflite", "ptq-int8"), "neither a .tflite file nor a run's folder nor a route"),
        (("float", "ptq-int8"), "runs in Keras only"),
        (("{model}", "{model}"), "needs --data"),
        (("{model}", "{other}", "--data", "random"), "not two versions of one model"),
        (("{model}", "{model}", "--data", "random", "--out", "{run}"), "is a run's folder"),
        (("{folder}", "{model}", "--data", "random"), "it has no model.tflite"),
        (("{model}", "{model}", "--data", "digits"), "samples of shape (8, 8, 1)"),
        (("{model}", "{model}", "--data", "random", "--reference", "{model}"), "is a .tflite"),
        (("{model}", "{model}", "--data", "random", "--reference", "{no}"), "no model at"),
        (("{model}", "{model}", "--data", "{no}"), "there is no data set"),
        (("{model}", "{model}", "--data", "{npz}", "--deployed-data", "{no}"), "no file"),
        (("{model}", "{model}", "--data", "{npz}", "--deployed-data", "{short}"), "samples of"),
        (("{text}", "{model}", "--data", "random"), "not a .tflite file"),
    ],
)
def test_mistakes_are_explained(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(dense(12, 4))
    (tmp_path / "other.tflite").write_bytes(dense(10, 4))
    (tmp_path / "text.tflite").write_text("hello")
    (tmp_path / "empty").mkdir()
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).random((6, 12), np.float32))
    np.savez(tmp_path / "short.npz", x=np.zeros((5, 12), np.float32) + 0.5)
    names = {
        "model": tmp_path / "model.tflite",
        "other": tmp_path / "other.tflite",
        "text": tmp_path / "text.tflite",
        "folder": tmp_path / "empty",
        "run": tmp_path,
        "npz": tmp_path / "data.npz",
        "short": tmp_path / "short.npz",
        "no": tmp_path / "no",
    }
    words = [word.format(**names) for word in arguments]
    out = () if "--out" in words else ("--out", tmp_path / "out")
    done = run("explain", *words, "--json", *out)
    assert done.code == 2, done.err
    assert message in done.json["error"]["message"]
    assert done.json["error"]["hint"]
    assert not (tmp_path / "out" / DOCUMENT).exists()


@pytest.mark.parametrize("library", [tf_keras, keras], ids=["tf_keras", "keras 3"])
def test_layers_of_both_kinds_of_keras(library: Any) -> None:
    image = library.Input((4, 4, 1))
    x = library.layers.Conv2D(2, 3, name="one")(image)
    x = library.layers.Flatten(name="two")(x)
    model = library.Model(image, library.layers.Dense(3, name="three")(x))
    values = np.random.default_rng(0).random((5, 4, 4, 1), np.float32)
    found = run_layers(model, values)
    assert [layer.name for layer in found] == ["one", "two", "three"]
    assert np.allclose(found[-1].output, np.asarray(model(values)), atol=1e-6)
    assert run_layers(object(), values) == ()
