"""What a newcomer does wrong with an accelerometer model, and what the verdict says of it."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from host.base.arrays import Array
from host.base.errors import ConfigError, ModelError
from host.commands.evaluate.answer import answer
from host.deployment.prepare import Prepared, columns_of_the_host, model_file, prepare
from host.deployment.request import ModelOptions
from host.deployment.stages import Stages
from host.diagnosis.trials.trial import Trial
from host.engines import find_engine
from host.firmware.boards import find_board
from host.models.feeds import quantize_samples
from host.oracles.columns import Column
from host.verdict.judge import Verdict, judge
from tests.aot.activations import softmax
from tests.aot.builder import ModelBuilder, Q
from tests.aot.convolution import fully_connected
from tests.fixtures.accelerometer import CLASSES, save, scale, train, windows
from tests.fixtures.fakes import Silent
from tests.fixtures.models import dense
from tests.fixtures.runs import run

ENGINE, _ = find_engine("aot", find_board("process"))
STAGES = Stages(Silent())
SAMPLES = 120
X, Y = windows(SAMPLES, 5)
CALIBRATION, LABELS = windows(200, 6)
TWICE = X / scale() / scale()
RANDOM_LABELS = np.random.default_rng(3).integers(0, CLASSES, SAMPLES)

# The model's samples, over m/s²; x; y; x_calibration; then whose accuracy is bad and the cause.
Case = tuple[float, Array, Array, Array, str, str | None]
CASES: Mapping[str, Case] = {
    "healthy": (1.0, X, Y, CALIBRATION, "", None),
    "calibrated with normalized data": (
        *(1.0, X, Y, CALIBRATION / scale()),
        *("Int8", "representative-data-scale"),
    ),
    "calibrated with one class": (
        *(1.0, X, Y, CALIBRATION[LABELS == 0]),
        *("Int8", "representative-data-coverage"),
    ),
    "0 to 255 for 0 to 1": (1 / 255, X, Y, CALIBRATION, "Keras", "input-scale"),
    "normalized twice": (1 / scale(), TWICE, Y, CALIBRATION / scale(), "Keras", "input-scale"),
    "channels swapped": (
        *(1.0, X[..., ::-1], Y, CALIBRATION[..., ::-1]),
        *("Keras", "input-channel-order"),
    ),
    "labels shifted by one": (1.0, X, (Y + 1) % CLASSES, CALIBRATION, "Keras", "labels-differ"),
    "labels that mean nothing": (1.0, X, RANDOM_LABELS, CALIBRATION, "Keras", None),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model for samples of each scale."""
    folder, model = tmp_path_factory.mktemp("accelerometer"), train()
    for times in {case[0] for case in CASES.values()}:
        save(model, model_of(folder, times), times)
    return folder


def model_of(folder: Path, times: float) -> Path:
    return folder / f"{times:.4f}.h5"


def prepared_by(options: ModelOptions, reference: Path | None = None) -> Prepared:
    return prepare(options, model_file(options, STAGES), ENGINE, STAGES, reference)


def answered(
    model: Path, data: Path, reference: Path | None = None
) -> tuple[Verdict, Trial | None]:
    """The answer where the device computes what TFLM on the host computes."""
    options = ModelOptions(model, str(data))
    prepared = prepared_by(options, reference)
    graph = prepared.quantized.graph
    columns = columns_of_the_host(prepared, quantize_samples(prepared.dataset, graph), STAGES)
    columns["device"] = Column("device", columns["tflm_host"].outputs, "a device")
    return answer(
        *(options, prepared, columns, partial(judge, columns, graph, prepared.dataset)),
        STAGES,
        per_channel_dense=ENGINE.per_channel_dense,
    )


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_named(folder: Path, tmp_path: Path, name: str) -> None:
    times, x, y, calibration, who, cause = CASES[name]
    np.savez(tmp_path / "data.npz", x=x, y=y, x_calibration=calibration)
    verdict, trial = answered(model_of(folder, times), tmp_path / "data.npz")
    assert verdict.outcome == "match"
    assert verdict.match == verdict.good == (not who)
    if who:
        assert verdict.headline.startswith(who)
    assert (trial.cause if trial else None) == cause, trial
    if trial is not None:
        assert trial.after > 0.95 > trial.before


def test_values_that_move_have_a_cause_too(folder: Path, tmp_path: Path) -> None:
    targets = (0.9 * np.eye(CLASSES)[Y]).astype(np.float32)  # regression, not one-hot
    np.savez(tmp_path / "data.npz", x=X, y=targets, x_calibration=CALIBRATION / scale())
    verdict, trial = answered(model_of(folder, 1.0), tmp_path / "data.npz")
    assert verdict.task == "regression" and not verdict.match
    assert trial is not None and trial.cause == "representative-data-scale"
    assert trial.counted == "int8 is as near to Keras as allowed"
    assert trial.after > 0.9 > trial.before


def test_the_first_screen_says_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    """The model and the data of the issue: 97 % in Keras, 31 % on the device, and all green."""
    np.savez(tmp_path / "data.npz", x=X, y=Y, x_calibration=CALIBRATION / scale())
    arguments = ("--model", model_of(folder, 1.0), "--data", tmp_path / "data.npz")
    done = run(
        "flash-and-eval", "--board", "process", *arguments, "--out", tmp_path / "run", "--json"
    )
    assert done.code == 1
    report = done.json
    assert report["verdict"] == "differs"
    assert report["headline"].startswith("Int8 does not predict what Keras predicts: 100")
    assert report["halves"]["deployment"]["state"] == "good"
    assert report["cause"]["cause"] == "representative-data-scale"
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.index(report["cause"]["remedy"]) < page.index("Who predicts what")


def test_a_ready_tflite_beside_its_original_has_the_whole_verdict(
    folder: Path, tmp_path: Path
) -> None:
    """Whoever converted it kept both files; the data brings nothing to calibrate with."""
    original, data = model_of(folder, 1.0), tmp_path / "data.npz"
    np.savez(data, x=X, y=Y, x_calibration=CALIBRATION / scale())
    converted = prepared_by(ModelOptions(original, str(data)))
    (tmp_path / "ready.tflite").write_bytes(converted.quantized.graph.content)
    np.savez(data, x=X, y=Y)
    verdict, trial = answered(tmp_path / "ready.tflite", data, original)
    assert verdict.headline.startswith("Int8 does not predict what Keras predicts: 100")
    assert trial is not None and trial.after > 0.95 > trial.before
    verdict, trial = answered(tmp_path / "ready.tflite", data)
    assert verdict.match and not verdict.good and trial is None


def test_a_model_that_crashes_on_changed_samples_has_a_verdict_all_the_same(tmp_path: Path) -> None:
    """Divided by 255, the samples give 600 classes nearly equal scores: the wheel aborts."""
    random, b = np.random.default_rng(0), ModelBuilder()
    x = b.tensor((1, 8), Q.tensor(1.0))
    weights, bias = random.integers(-127, 128, (600, 8)).astype(np.int8), np.zeros(600, np.int32)
    scores = fully_connected(b, x, weights, Q.tensor(0.01), bias, Q.tensor(0.5))
    ready, data = tmp_path / "wide.tflite", tmp_path / "data.npz"
    ready.write_bytes(b.build([x], [softmax(b, scores)]))
    np.savez(data, x=random.integers(-120, 121, (40, 8)).astype(np.float32), y=np.arange(40))
    verdict, trial = answered(ready, data)
    assert verdict.outcome == "match" and trial is None
    assert "no better than chance" in verdict.headline


def test_a_reference_must_be_the_original(folder: Path, tmp_path: Path) -> None:
    original, data, ready = model_of(folder, 1.0), tmp_path / "data.npz", tmp_path / "a.tflite"
    np.savez(data, x=X, y=Y, x_calibration=CALIBRATION)
    ready.write_bytes(dense(16, 3))
    np.savez(tmp_path / "other.npz", x=np.zeros((4, 16), np.float32))
    with pytest.raises(ModelError, match="it was not made from it"):
        prepared_by(ModelOptions(ready, str(tmp_path / "other.npz")), original)
    with pytest.raises(ConfigError, match="goes with a ready"):
        prepared_by(ModelOptions(original, str(data)), original)
    with pytest.raises(ConfigError, match="is a"):
        prepared_by(ModelOptions(ready, str(tmp_path / "other.npz")), ready)
