"""Broken .tflite files end in a ModelError with a hint, in time, and leave nothing behind."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

from host.base.errors import ModelError
from host.base.paths import ROOT
from host.deployment.deployed import random_feeds
from host.models import flatbuffer, tflite
from host.models.edit import pack
from tests.fixtures.graphs import SHARED_INT8
from tests.fixtures.models import dense, every_operator, saved
from tests.fixtures.runs import run, shared_model
from tests.mutants import mutants

MADE = ("dense", "every", "bombs")


def verdicts(name: str) -> list[tuple[str, str]]:
    """Names and verdicts of a model's mutants, by processes of limited memory.

    A process that dies is followed by another, which goes on behind the mutant that ended it.
    """
    found: list[tuple[str, str]] = []
    while True:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.mutants.mutants", name, str(len(found))],
            cwd=ROOT,
            # Threads of the linear algebra that nothing here uses would take most of the memory.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        found += [tuple(json.loads(line)) for line in done.stdout.splitlines()]
        if done.returncode == 0:
            return found
        assert done.returncode < 0, done.stderr
        found.append((f"{name}: number {len(found)}", f"signal {-done.returncode}"))


@pytest.mark.parametrize("name", [*MADE, *SHARED_INT8])
def test_mutants_are_refused_or_are_models(name: str) -> None:
    if name in SHARED_INT8:
        shared_model(f"{name}.tflite")
    found = verdicts(name)
    bad = [(mutant, verdict) for mutant, verdict in found if verdict not in ("refused", "ran")]
    assert not bad, f"{len(bad)} of {len(found)}: {bad[:20]}"
    refused = sum(verdict == "refused" for _, verdict in found)
    # Enough of them, of which many are wrong and some are not, since else nothing would be shown.
    assert len(found) >= (20 if name == "bombs" else 400)
    assert refused >= len(found) // 2
    assert refused < len(found)


@pytest.mark.parametrize("content", [dense(6, 3), every_operator()])
def test_a_whole_model_is_within_its_extent(content: bytes) -> None:
    flatbuffer.check_extent(content)


def test_metadata_in_a_buffer_that_does_not_exist() -> None:
    model = schema.ModelT.InitFromPackedBuf(dense(6, 3), 0)
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"CONVERSION_METADATA", 99
    model.metadata = [entry]
    with pytest.raises(ModelError, match="no buffer 99"):
        tflite.parse(pack(model))


def with_input_shape(*shape: int) -> bytes:
    model = schema.ModelT.InitFromPackedBuf(dense(6, 3), 0)
    model.subgraphs[0].tensors[0].shape = list(shape)
    return pack(model)


@pytest.mark.parametrize(
    ("shape", "says"), [((1, 1 << 30), "1,073,741,824 bytes"), ((1,) * 64, "64 dimensions")]
)
def test_an_activation_that_no_board_or_array_could_hold(shape: tuple[int, ...], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        tflite.parse(with_input_shape(*shape))


def test_a_batch_is_drawn_and_then_refused(tmp_path: Path) -> None:
    feeds = random_feeds(tflite.parse(with_input_shape(3, 6)), 2, 0)
    assert [feed[0].shape for feed in feeds] == [(3, 6)] * 2
    path = saved(tmp_path / "model.tflite", with_input_shape(3, 6))
    assert run("profile", "--board", "process", "--model", path).code == 2


def test_every_field_that_may_lead_to_much_is_bounded() -> None:
    """The list of fields is complete for the schema that is installed."""
    readers = _readers()
    kinds: dict[str, Any] = {"Model": flatbuffer.MODEL}
    todo = ["Model"]
    while todo:
        name = todo.pop()
        for slot, body in readers[name]:
            kind = kinds[name]
            if "String(" in body:
                assert isinstance(kind.get(slot), int), (name, slot)
            element = re.search(r"obj = (\w+)\(", body) if "Indirect" in body else None
            if element is not None:
                vector, what = "Vector" in body, kind.get(slot)
                assert isinstance(what, list if vector else dict), (name, slot)
                kinds[element.group(1)] = what[0] if vector else what
                todo.append(element.group(1))
    assert {"Tensor", "Operator", "QuantizationParameters", "TensorMap"} <= set(kinds)
    for slot, types in ((12, schema.BuiltinOptions), (28, schema.BuiltinOptions2)):
        union = kinds["Operator"][slot]
        for name, code in vars(types).items():
            if not isinstance(code, int) or name == "NONE":
                continue
            assert not any("Indirect" in body for _, body in readers[name]), name
            strings = {slot for slot, body in readers[name] if "String(" in body}
            assert strings <= set(union.kinds.get(code, {})), name


def _readers() -> dict[str, list[tuple[int, str]]]:
    """For each class of the schema that reads tables: its methods' places and bodies."""
    source = Path(schema.__file__).read_text()
    classes = re.split(r"^class (\w+)\(object\):$", source, flags=re.MULTILINE)
    readers = {}
    for name, body in zip(classes[1::2], classes[2::2], strict=True):
        methods = [(re.search(r"Offset\((\d+)\)", m), m) for m in body.split("    def ")]
        readers[name] = [(int(place.group(1)), m) for place, m in methods if place is not None]
    return readers


CHOSEN = [
    mutant
    for mutant in random.Random(0).sample(list(mutants.mutants("dense", dense(6, 3))), 30)
    if mutants.verdict(mutant) == "refused"
][:10]


@pytest.mark.parametrize("mutant", CHOSEN, ids=lambda mutant: mutant.name)
def test_at_the_command_line(tmp_path: Path, mutant: mutants.Mutant) -> None:
    stand, scratch = tmp_path / "stand", tmp_path / "scratch"
    stand.mkdir()
    scratch.mkdir()
    model = saved(stand / "model.tflite", mutant.content)
    done = run(
        *("flash-and-eval", "--json", "--out", stand / "out"),
        *("--board", "process", "--model", model, "--data", "random"),
        cwd=stand,
        environment={"PYTHONPATH": str(ROOT), "TMPDIR": str(scratch)},
    )
    assert done.code == 2, (done.out, done.err)
    error = done.json["error"]
    assert error["exit"] == 2 and error["message"] and error["hint"]
    assert list(stand.iterdir()) == [model] and not list(scratch.iterdir())
