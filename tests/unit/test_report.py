"""The report: its JSON fits the schema, its page needs nothing and trusts no name."""

import base64
import dataclasses
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from host.base.arrays import Array
from host.base.errors import MachineError
from host.base.files import replacing
from host.commands.evaluate.document import document
from host.commands.evaluate.page import render_html
from host.commands.evaluate.text import summary
from host.commands.evaluate.values import Evaluation
from host.commands.evaluate.write import predictions, write_evaluation
from host.deployment.figures import arena_over_time
from host.firmware.rendered import ArenaBlock
from host.report import formats, pictures
from host.report.document import jsonable
from host.verdict import latency
from tests.fixtures.evaluations import evaluation
from tests.fixtures.pages import HOSTILE, Page, only_text, printed, self_contained
from tests.fixtures.schemas import validate

KINDS: dict[str, dict[str, Any]] = {
    "match": {},
    "differs": {"differing": 20, "unit": "cycles"},
    "regression without labels": {"task": "regression", "labels": False, "classes": 1},
    "regression": {"task": "regression", "differing": 3, "classes": 3, "unit": "microseconds"},
    "Keras absent, random data": {
        "keras": lambda _: None,
        "labels": False,
        "raw": True,
        "samples": 20,
    },
    "many classes": {"classes": 120, "samples": 40},
}


@pytest.fixture(params=KINDS, scope="module")
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluation(tmp_path_factory.mktemp("run"), **KINDS[request.param])


@pytest.fixture(scope="module")
def page(run: Evaluation) -> str:
    return render_html(run, document(run))


def test_document_fits_its_schema(run: Evaluation) -> None:
    validate("flash-and-eval", document(run).values())


def test_document_holds_what_the_issue_names(tmp_path: Path) -> None:
    values: Any = document(evaluation(tmp_path, differing=20)).values()
    assert values["verdict"] == "differs"
    assert values["gaps"]["deployment"]["flips"] == 20
    assert values["gaps"]["deployment"]["bit_equal"] == pytest.approx(340 / 360)
    assert values["accuracy"]["litert_reference"] is None
    assert values["first_difference"]["operator"]["name"] == "CONV_2D"
    assert values["memory"]["flash"] == 18_312 + 14_880 + 112
    assert values["memory"]["ram"] == 112 + 9_216
    assert values["latency"]["median_ms"] is None


def test_page_is_self_contained(page: str) -> None:
    self_contained(page)


def test_page_says_the_verdict_first(run: Evaluation, page: str) -> None:
    text = " ".join(Page(page[page.index("<header") : page.index("</body>")]).text)
    assert text.index(run.verdict.headline) < text.index("Who predicts what")
    for note in run.dataset.notes + run.notes:
        assert text.index(note) < text.index("Who predicts what")
    for choice in run.choices:
        assert text.count(choice) == 1
        assert text.index(choice) > text.index("The numbers above hold under these")


def test_pictures_have_alternative_texts(page: str) -> None:
    for tag in re.findall(r"<img [^>]*>", page):
        assert re.search(r'alt="input of sample \d+"', tag)
    plot_tags = re.findall(r"<svg [^>]*>", page)
    assert plot_tags
    assert all('role="img"' in tag and 'aria-label="' in tag for tag in plot_tags)


@pytest.mark.parametrize("kind", ["differs", "Keras absent, random data"])
def test_hostile_names_are_only_text(kind: str, tmp_path: Path) -> None:
    run = evaluation(tmp_path, name=HOSTILE, **KINDS[kind])
    values = document(run)
    validate("flash-and-eval", values.values())
    only_text(render_html(run, values), printed(summary(run)))


def test_names_with_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    run = evaluation(tmp_path, name="mod\udc80el")
    write_evaluation(run)
    assert (
        json.loads((tmp_path / "report.json").read_text("utf-8"))["model"]["name"] == "mod\udc80el"
    )
    assert "mod\\udc80el" in (tmp_path / "report.html").read_text("utf-8")


def test_nan_and_infinity_become_null(tmp_path: Path) -> None:
    def broken(outputs: Array) -> Array:
        outputs[:3] = np.nan, np.inf
        return outputs

    run = evaluation(tmp_path, task="regression", classes=2, keras=broken)
    values: Any = document(run).values()
    validate("flash-and-eval", values)
    assert values["errors"]["keras"] is None
    assert values["gaps"]["quantization"]["max_error"] is None
    page = "".join(Page(render_html(run, document(run))).text)
    assert not re.search(r"\b(nan|inf|None)\b", page)
    assert not re.search(r"\b(nan|inf|None)\b", printed(summary(run)))


def test_the_histogram_counts_half_steps_as_the_gap_does(tmp_path: Path) -> None:
    """A float32 output that lies half way between two codes: the same code in both places."""

    def half_way(outputs: Array) -> Array:
        halves = np.arange(outputs.size).reshape(outputs.shape) % 200 - 100 + 0.5
        return (halves * 0.008).astype(np.float32)

    run = evaluation(tmp_path, task="regression", classes=3, keras=half_way)
    gap = run.verdict.gaps["quantization"]
    assert gap is not None
    page = render_html(run, document(run))
    (label,) = re.findall(r'aria-label="Device − Keras: ([^"]*)"', page)
    values = 3 * gap.samples
    assert f"{round(gap.bit_equal_values * values)} of {values} zero" in label
    steps = [abs(int(end)) for end in re.findall(r"-?\d+", label)[:2]]
    assert max(steps) == gap.max_steps


def test_an_empty_run_has_a_report(tmp_path: Path) -> None:
    """No oracle, no operators profiled, no plan, no sections, no limits, no notes: still a page."""
    base = evaluation(tmp_path, oracle=False)
    run = dataclasses.replace(
        base,
        rendered=dataclasses.replace(base.rendered, arena=()),
        image=dataclasses.replace(base.image, sections=()),
        board=dataclasses.replace(base.board, flash=0, ram=0),
        latency=dataclasses.replace(base.latency, operators=()),
        timings=(),
        notes=(),
    )
    page = "".join(Page(render_html(run, document(run))).text)
    assert "plans its arena on the device" in page
    assert "is not known: TFLM on the host is missing" in page
    assert run.verdict.headline in printed(summary(run))


def test_instructions_are_never_a_time() -> None:
    assert latency.milliseconds(1000, "instructions", 64_000_000) is None
    assert latency.milliseconds(1000, "emulated_cycles", 64_000_000) is None
    assert latency.milliseconds(64_000, "cycles", 64_000_000) == pytest.approx(1)
    assert latency.milliseconds(64_000, "cycles", 0) is None
    assert latency.milliseconds(1500, "microseconds", 1_000_000) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (formats.percent(1), "100 %"),
        (formats.percent(0), "0 %"),
        (formats.percent(0.99999), "> 99.9 %"),
        (formats.percent(0.99999, 2), "> 99.99 %"),
        (formats.percent(0.9994, 2), "99.94 %"),
        (formats.percent(1e-6), "< 0.1 %"),
        (formats.percent(None), "—"),
        (formats.p_value(0.0314), "p = 0.031"),
        (formats.p_value(1e-9), "p < 0.001"),
        (formats.bare_p(1.0), "1"),
        (formats.fixed(-0.001), "0.00"),
        (formats.fixed(-1.5), "−1.50"),
        (formats.many(1, "run"), "1 run"),
        (formats.many(2000, "run"), "2 000 runs"),
    ],
)
def test_numbers(shown: str, text: str) -> None:
    assert shown.replace(formats.THIN, " ") == text


def test_summary_is_one_screen_and_starts_with_the_headline(run: Evaluation) -> None:
    lines = printed(summary(run)).splitlines()
    assert run.verdict.headline in lines[0]
    assert len(lines) <= 28
    assert str(run.folder / "report.html") in "".join(lines)


def test_write_report_leaves_whole_files_only(tmp_path: Path) -> None:
    run = evaluation(tmp_path, differing=1)
    write_evaluation(run)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "predictions.npz",
        "report.html",
        "report.json",
    ]
    assert json.loads((tmp_path / "report.json").read_text())["headline"] == run.verdict.headline
    with np.load(tmp_path / "predictions.npz") as arrays:
        assert set(arrays) == {
            "x", "y", "keras", "litert", "tflm_host", "device", "ticks", "operator_ticks",
        }  # fmt: skip
        assert arrays["device"].dtype == np.int8


def test_predictions_without_labels_or_keras(tmp_path: Path) -> None:
    arrays = predictions(evaluation(tmp_path, labels=False, keras=lambda _: None))
    assert "y" not in arrays
    assert "keras" not in arrays


def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"cannot write .*nowhere.*No such file"):
        write_evaluation(evaluation(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8, 8), "a picture"),
        ((8, 8, 1), "a picture"),
        ((96, 300, 3), "a picture"),
        ((49, 10, 1), "a heat map"),
        ((49, 10), "a heat map"),
        ((64, 3), "lines"),
        ((640,), "lines"),
        ((4,), None),
        ((8, 8, 2), None),
        ((1, 1), None),
        ((49, 1, 1), None),
        ((2, 8, 8, 1), None),
    ],
)
def test_samples_are_shown_as_what_they_are(shape: tuple[int, ...], expected: str | None) -> None:
    x = np.zeros((2, *shape), np.uint8)
    x[1].flat[0] = 200
    draw = pictures.drawer(x)
    assert (draw is None) is (expected is None)
    if draw is None:
        return
    kind, content = draw(1).removeprefix("data:").split(";base64,")
    decoded = base64.b64decode(content)
    if expected == "lines":
        assert kind == "image/svg+xml"
        assert decoded.count(b"<polyline") == (shape[1] if len(shape) == 2 else 1)
        return
    assert kind == "image/png"
    pixels = imread(io.BytesIO(decoded), format="png")[..., :3]
    is_grey = bool((pixels[..., 0] == pixels[..., 1]).all())
    assert is_grey == (expected == "a picture" and shape[2:] != (3,))
    assert pixels.shape[1] >= pixels.shape[0]  # time goes to the right


def test_a_spectrogram_has_values_below_zero() -> None:
    draw = pictures.drawer(np.random.default_rng(0).normal(size=(1, 8, 8, 1)))
    assert draw is not None
    pixels = imread(io.BytesIO(base64.b64decode(draw(0).split(",")[1])), format="png")
    assert not (pixels[..., 0] == pixels[..., 1]).all()


def test_plan_of_many_operators(tmp_path: Path) -> None:
    base = evaluation(tmp_path)
    blocks = tuple(ArenaBlock(i, f"t{i}", 0, 64, i, i + 1) for i in range(-1, 80))
    rendered = dataclasses.replace(base.rendered, arena=blocks)
    assert "most are alive" in (arena_over_time(rendered, base.device.info) or "")


def test_json_has_plain_values() -> None:
    assert jsonable(np.array([1.5, float("nan")])) == [1.5, None]
    assert type(jsonable(np.int64(3))) is int
    assert type(jsonable(np.float64(3))) is float


@pytest.mark.parametrize(
    ("modules", "wait"),
    [
        ("evaluate.write, host.commands.evaluate.text", {"matplotlib"}),
        ("explain.page, host.commands.explain.text", {"matplotlib", "jinja2"}),
    ],
)
def test_what_draws_waits_until_something_is_drawn(modules: str, wait: set[str]) -> None:
    code = f"import sys, host.commands.{modules}; sys.exit(bool({wait} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
