"""``explain`` names every planted fault first, and says nothing of the healthy controls."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from host.base import isolated
from host.base.paths import ROOT
from host.commands.explain import flow, inputs
from host.diagnosis.analyse import FloatModel
from host.diagnosis.causes.registry import CAUSES
from host.models.dataset import Dataset
from host.models.source import ModelFile
from tests.fixtures.command_line import run_ok
from tests.planted.cases import CASES, CONTROLS, FAULTS
from tests.planted.score import judge, summary
from tests.planted.workshop import Case, Workshop

for package in ("tensorflow", "tf_keras", "tensorflow_model_optimization", "tflite_micro"):
    pytest.importorskip(package, reason=f"no {package} for this platform")


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workshop:
    """One folder for all of pytest-xdist's workers: networks are trained once."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "planted"
    folder.mkdir(exist_ok=True)
    return Workshop(folder)


# One of each cause, and one without a finding. Their pages are drawn, which takes as long as all
# else that ``explain`` does.
DRAWN = {case.cause: name for name, case in reversed(list(CASES.items()))}
_FLOAT_MODELS: dict[tuple[Path, bytes], FloatModel] = {}


@pytest.fixture
def in_short(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process of its own for each comparison: these models crash nobody's native code. A float
    model is run on the same samples once."""
    run = inputs.run_reference

    def run_reference(model: ModelFile, samples: Dataset, *rest: Any, **more: Any) -> FloatModel:
        key = model.path, samples.x.tobytes()
        if key not in _FLOAT_MODELS:
            _FLOAT_MODELS[key] = run(model, samples, *rest, **more)
        return _FLOAT_MODELS[key]

    monkeypatch.setattr(isolated, "call", lambda function, *arguments: function(*arguments))
    monkeypatch.setattr(inputs, "run_reference", run_reference)
    if request.node.callspec.params["case"].name not in DRAWN.values():
        monkeypatch.setattr(flow, "render_html", lambda _: "")


@pytest.mark.usefixtures("in_short")
@pytest.mark.parametrize("case", FAULTS.values(), ids=FAULTS)
def test_the_planted_fault_is_named_first(case: Case, workshop: Workshop) -> None:
    score = judge(case, workshop)
    assert score.planted.outputs > 0, "the fault changes nothing"
    assert score.found == case.cause, score
    if score.expected_operator is not None:
        assert score.operator == score.expected_operator, score
    assert score.effect is not None and score.effect > 0


@pytest.mark.usefixtures("in_short")
@pytest.mark.parametrize("case", CONTROLS.values(), ids=CONTROLS)
def test_nothing_is_found_where_nothing_is_wrong(case: Case, workshop: Workshop) -> None:
    score = judge(case, workshop)
    assert (score.found, score.others) == (None, ())


@pytest.mark.parametrize("name", ["perceptron-layer-of-another-seed", "perceptron-recalibrated"])
def test_the_command_line_says_the_same(name: str, workshop: Workshop, tmp_path: Path) -> None:
    pair = CASES[name].build(workshop)
    done = run_ok("explain", *pair.arguments, "--json", "--out", tmp_path)
    found = [(finding["cause"], finding["operator"]) for finding in done.json["findings"]]
    assert found[:1] == ([(CASES[name].cause, pair.operator)] if CASES[name].cause else [])


def test_every_cause_that_can_be_named_is_planted() -> None:
    planted = {case.cause for case in FAULTS.values()}
    # "input-differs" is what is left where no preprocessing that is known explains the samples.
    assert planted == set(CAUSES) - {"input-differs"}


def test_the_documentation_has_the_score() -> None:
    stated = re.findall(r"planted faults: .* clean", (ROOT / "docs" / "explain.md").read_text())
    assert stated == [_perfect(FAULTS, CONTROLS)]


def _perfect(faults: Iterable[str], controls: Iterable[str]) -> str:
    n, m = len(list(faults)), len(list(controls))
    return f"planted faults: {n} of {n} named first, controls: {m} of {m} clean"


def test_the_score_counts_what_is_right() -> None:
    assert summary([]) == _perfect([], [])
