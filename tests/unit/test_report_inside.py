"""How a trace and a profile are shown: JSON fits its schema, page and terminal trust no name."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from host.commands.profile import text as profile_text
from host.commands.profile.page import render_html
from host.commands.trace import text as trace_text
from host.report.document import Document
from tests.fixtures.evaluations import evaluation
from tests.fixtures.inside import deployed, profile, trace
from tests.fixtures.pages import HOSTILE, Page, only_text, printed, self_contained
from tests.fixtures.schemas import validate


def checked(command: str, document: Document) -> Any:
    values = document.values()
    validate(command, values)
    return values


def test_a_trace_that_is_equal(tmp_path: Path) -> None:
    run = trace(evaluation(tmp_path))
    values = checked("trace", run)
    assert values["verdict"] == "match" and values["first_difference"] is None
    assert values["headline"] == "sample 3: the outputs of all operators (8) equal TFLM on the host"
    assert printed(trace_text.summary(run)).startswith("✓ sample 3")


def test_a_trace_that_differs_names_the_first_with_both_values(tmp_path: Path) -> None:
    run = trace(evaluation(tmp_path), wrong=3)
    values = checked("trace", run)
    assert values["verdict"] == "differs"
    assert values["headline"] == "sample 3: of the outputs of all operators (8), 5 differ"
    said = (
        "operator 3 DEPTHWISE_CONV_2D (tensor 4 'model/separable_2/depthwise'), sample 3: "
        "at [0, 0, 0, 7] the device has −12 (0.4531), TFLM on the host −13 (0.4492); 2 of 256 "
        "values differ, by at most 2 steps"
    )
    assert values["first_difference"]["text"] == said
    shown = printed(trace_text.summary(run))
    assert said.split(": ")[1] in shown
    assert shown.count("DIFFERS") == 5 and shown.count(" equal") == 3


@pytest.mark.parametrize("wrong", [1, 7])
def test_tensors_that_were_asked_for_decide(wrong: int, tmp_path: Path) -> None:
    run = trace(evaluation(tmp_path), wrong=wrong, asked=[1])
    assert (run.verdict == "match") == (wrong != 1)
    values = checked("trace", run)
    text = values["tensors"][0]["text"]
    assert text.startswith("tensor 2 'model/separable_1/depthwise' of operator 1 DEPTHWISE_CONV_2D")
    assert ("all 512 values equal" in text) == (run.verdict == "match")
    assert text in printed(trace_text.summary(run))


def test_a_profile(tmp_path: Path) -> None:
    base = evaluation(tmp_path)
    run = profile(base)
    values = checked("profile", run)
    assert values["latency"]["operators"][0]["share"] == pytest.approx(0.149, abs=0.001)
    page = render_html(run, deployed(base))
    self_contained(page)
    assert page.count('<svg class="plot"') == 2
    assert "They are neither cycles nor time" in page
    lines = printed(profile_text.summary(run), 80).splitlines()
    (line,) = (line for line in lines if line.startswith("7 "))
    assert line.split()[:2] == ["7", "SOFTMAX"] and "…" not in line


def test_a_profile_without_a_plan_and_without_products(tmp_path: Path) -> None:
    base = evaluation(tmp_path)
    costs = [
        dataclasses.replace(c, macs=0, ticks_per_mac=None, ticks=None, share=None)
        for c in base.latency.operators
    ]
    base = dataclasses.replace(
        base,
        rendered=dataclasses.replace(base.rendered, arena=()),
        latency=dataclasses.replace(base.latency, operators=tuple(costs), disturbance=None),
    )
    run = profile(base)
    values = checked("profile", run)
    assert values["ticks_per_mac"] is None
    page = render_html(run, deployed(base))
    assert "plans its arena on the device" in page and "<svg" not in page
    text = " ".join(Page(page).text) + printed(profile_text.summary(run))
    assert not re.search(r"\b(nan|inf|None)\b", text)


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    base = evaluation(tmp_path, name=HOSTILE)
    seen = profile(base)
    traces = [trace(base, wrong=2), trace(base, asked=[2])]
    checked("profile", seen)
    page = render_html(seen, deployed(base))
    shown = [printed(profile_text.summary(seen)), *(printed(trace_text.summary(t)) for t in traces)]
    for run in traces:
        checked("trace", run)
    only_text(page, *shown)
