"""What is read from a TFLite-Micro library's sources, on a small one made for the purpose."""

from dataclasses import replace
from pathlib import Path

import pytest

from host.base.errors import OperatorError, ToolMissingError
from host.engines import find_engine
from host.engines.library import Library, find_library
from host.engines.tflm import TflmEngine
from host.firmware.boards import Board, find_board
from host.models.tflite import parse
from tests.aot.activations import softmax
from tests.aot.builder import Q, started
from tests.aot.convolution import fully_connected
from tests.fixtures.models import dense, every_operator

RESOLVER = """
  TfLiteStatus AddSoftmax(
      const TFLMRegistration& registration = Register_SOFTMAX()) {
    return AddBuiltin(BuiltinOperator_SOFTMAX, registration, ParseSoftmax);
  }
  TfLiteStatus AddSvdf(const TFLMRegistration& registration = Register_SVDF()) {
    return AddBuiltin(BuiltinOperator_SVDF, registration, ParseSvdf);
  }
  TfLiteStatus AddReshape() {
    return AddBuiltin(BuiltinOperator_RESHAPE, Register_RESHAPE(),
                      ParseReshape);
  }
  TfLiteStatus AddFullyConnected(const TFLMRegistration& registration =
                                     Register_FULLY_CONNECTED()) {
    return AddBuiltin(BuiltinOperator_FULLY_CONNECTED, registration, ParseFullyConnected);
  }
"""
MICRO = "src/tensorflow/lite/micro"
FILES = {
    "library.json": '{"name": "Tiny \\"lib\\"", "version": "1.2"}',
    f"{MICRO}/micro_mutable_op_resolver.h": f'#include "{MICRO[4:]}/kernels/softmax.h"\n{RESOLVER}',
    f"{MICRO}/micro_interpreter.cc": "",
    f"{MICRO}/debug_log.cc": "",
    f"{MICRO}/recording_micro_allocator.cc": "",
    f"{MICRO}/test_helpers.cc": "",
    f"{MICRO}/kernels/kernel_util.cc": "",
    f"{MICRO}/kernels/kernel_util.h": "",
    f"{MICRO}/kernels/softmax.h": "TFLMRegistration Register_SOFTMAX_INT8();",
    f"{MICRO}/kernels/softmax.cc": f'#include "{MICRO[4:]}/kernels/softmax.h"\n'
    f'#include "{MICRO[4:]}/kernels/kernel_util.h"\n'
    "TFLMRegistration Register_SOFTMAX() {\n}",
    f"{MICRO}/kernels/softmax_common.cc": "",
    f"{MICRO}/kernels/svdf.h": "TFLMRegistration Register_SVDF_INT8();",
    f"{MICRO}/kernels/reshape.cc": "TFLMRegistration Register_RESHAPE() {}",
    f"{MICRO}/kernels/fully_connected.h": f'#include "{MICRO[4:]}/kernels/softmax.h"',
    f"{MICRO}/kernels/fully_connected.cc": f'#include "{MICRO[4:]}/kernels/fully_connected.h"\n'
    "TFLMRegistration Register_FULLY_CONNECTED() {}",
    "src/signal/fft.cc": "",
}


@pytest.fixture
def board(tmp_path: Path) -> Board:
    for name, text in FILES.items():
        path = tmp_path / "lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return with_library(f"symlink://{tmp_path / 'lib'}")


def with_library(spec: str) -> Board:
    board = find_board("qemu-m4")
    return replace(board, options={**board.options, "tflm_library": spec})


@pytest.fixture
def library(board: Board) -> Library:
    return find_library(board)


def test_operators_and_how_to_add_them(library: Library) -> None:
    assert library.calls == {
        "SOFTMAX": "AddSoftmax(tflite::Register_SOFTMAX_INT8())",
        "SVDF": "AddSvdf()",  # the resolver does not include its header
        "RESHAPE": "AddReshape()",
        "FULLY_CONNECTED": "AddFullyConnected()",
    }


def test_the_version_cannot_break_out_of_a_string(library: Library) -> None:
    assert library.version == "Tiny _lib_ 1.2"


def names(library: Library, *operators: str) -> set[str]:
    return {path.name for path in library.needed(operators)}


def test_only_the_files_that_are_needed(library: Library) -> None:
    assert names(library, "RESHAPE") == {"micro_interpreter.cc", "reshape.cc"}
    softmax = {"micro_interpreter.cc", "softmax.cc", "softmax_common.cc", "kernel_util.cc"}
    assert names(library, "SOFTMAX") == softmax
    # A kernel may need another one's code through a header.
    assert "softmax_common.cc" in names(library, "FULLY_CONNECTED")


def test_a_library_that_changes_makes_another_image(library: Library) -> None:
    files = library.needed(["RESHAPE"])
    before = library.fingerprint(files)
    (library.sources / files[0]).write_text("// changed")
    assert library.fingerprint(files) != before


def test_operators_that_it_lacks_are_refused_before_the_build(board: Board) -> None:
    engine = TflmEngine.for_board(board)
    with pytest.raises(OperatorError, match=r"operator 0 QUANTIZE .* is not in .*Tiny"):
        engine.check(parse(every_operator()))
    engine.check(parse(dense(4, 2)))


def test_dense_layers_that_it_computes_wrongly_are_refused(board: Board) -> None:
    import numpy as np

    b, x = started((1, 4), Q.tensor(0.1))
    weights = np.ones((2, 4), np.int8)
    y = fully_connected(b, x, weights, Q.symmetric([0.1, 0.2], 0), None, Q.tensor(0.3))
    graph = b.parsed([x], [y])
    engine = TflmEngine.for_board(board)
    assert not engine.per_channel_dense
    with pytest.raises(OperatorError, match="computes wrongly") as caught:
        engine.check(graph)
    assert "--engine aot" in caught.value.hint
    newer = replace(engine, library=replace(engine.library, per_channel_dense=True))
    newer.check(graph)


def test_what_is_rendered(board: Board) -> None:
    graph = parse(dense(6, 3, layers=2))
    rendered = TflmEngine.for_board(board).render(graph, 1000)
    assert (rendered.arena_bytes, rendered.digest) == (1008, graph.sha256)
    assert "kArenaBytes = 1008" in rendered.files["tflm_options.h"]
    assert "kOperatorKinds = 1" in rendered.files["tflm_options.h"]
    assert "resolver.AddFullyConnected()" in rendered.files["tflm_model.cc"]
    assert [operator.index for operator in rendered.operators] == [0, 1]


def test_an_image_for_several_models(board: Board) -> None:
    """The operators of all, a slot for the largest, and the largest arena."""
    b, x = started((1, 3), Q.tensor(0.1))
    small = b.parsed([x], [softmax(b, x)])
    wide, large = parse(dense(3, 3)), parse(dense(300, 30))
    engine = TflmEngine.for_board(board)
    rendered = engine.render(small, others=[wide, large])
    assert rendered.digest == small.sha256
    for call in ("AddSoftmax", "AddFullyConnected"):
        assert f"resolver.{call}(" in rendered.files["tflm_model.cc"]
    assert len(large.content) <= rendered.slot_bytes <= engine.slot_limit
    assert rendered.arena_bytes == engine.render(large).arena_bytes
    # No more than the board keeps: what does not fit must have an image of its own.
    tight = replace(engine, slot_limit=len(large.content) - 1)
    assert tight.render(small, others=[large]).slot_bytes < len(large.content)


def test_a_library_that_is_not_available() -> None:
    for spec, words in (
        ("symlink:///no/such/folder", "not a TFLite-Micro library"),
        ("https://host.invalid/lib.git", "no connection to host.invalid"),
    ):
        board = with_library(spec)
        with pytest.raises(ToolMissingError, match=words) as caught:
            find_engine("tflm", replace(board, name="nowhere"))
        assert "--engine aot" in caught.value.hint
        engine, note = find_engine("auto", replace(board, name="nowhere"))
        assert engine.name == "aot"
        assert note is not None and words in note
