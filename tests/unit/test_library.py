"""What is read from a TFLite-Micro library's sources, on a small one made for the purpose."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from host.base.errors import OperatorError, ToolMissingError
from host.deployment.images import accepting
from host.deployment.request import DeviceOptions
from host.deployment.setup import Setup, find_setup
from host.engines import find_engine, packages
from host.engines.library import Library, find_library, outlook
from host.engines.tflm import TflmEngine
from host.firmware.boards import Board, find_board
from host.models.tflite import Graph, parse
from tests.aot.activations import softmax
from tests.aot.builder import Q, started
from tests.aot.convolution import fully_connected
from tests.fixtures.models import dense, every_operator
from tests.fixtures.tflm_packages import PACKAGES, pack, write_packages

CORE = {"micro_interpreter.cc", "error_reporter.cc"}


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(packages.CHECKOUTS, raising=False)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return with_library(write_packages(tmp_path / "lib"))


def with_library(specs: str, kernels: str = "cmsis_nn") -> Board:
    board = find_board("qemu-m4")
    options = {**board.options, "tflm_library": specs, "tflm_kernels": kernels}
    return replace(board, options=options)


@pytest.fixture
def tiny(board: Board) -> Library:
    return find_library(board)


def test_operators_and_how_to_add_them(tiny: Library) -> None:
    # ABS is in the resolver, and no file registers it.
    operators = {"CONV_2D", "SOFTMAX", "SVDF", "RESHAPE", "FULLY_CONNECTED"}
    assert tiny.methods.keys() == operators
    assert tiny.call("SOFTMAX", int8=True) == "AddSoftmax(tflite::Register_SOFTMAX_INT8())"
    assert tiny.call("SOFTMAX", int8=False) == "AddSoftmax()"
    assert tiny.call("SVDF", int8=True) == "AddSvdf()"  # the resolver does not include its header
    assert tiny.call("RESHAPE", int8=True) == "AddReshape()"
    assert tiny.per_channel_dense and tiny.message_arguments


def names(library: Library, *operators: str) -> set[str]:
    return {path.name for path in library.sources(operators)}


def test_only_the_files_that_are_needed(tiny: Library) -> None:
    assert names(tiny, "RESHAPE") == {*CORE, "reshape.cc"}
    softmax = {*CORE, "softmax.cc", "softmax_common.cc", "kernel_util.cc"}
    assert names(tiny, "SOFTMAX") == softmax
    # A kernel may need another one's code through a header, but not its registration.
    assert names(tiny, "FULLY_CONNECTED") == {*CORE, "fully_connected.cc", "softmax_common.cc"}


def test_kernels_for_the_board_s_core(tiny: Library, tmp_path: Path) -> None:
    top = tmp_path / "lib"
    convolution = {path.relative_to(top).as_posix() for path in tiny.sources(["CONV_2D"])}
    kernels = "tflite-micro/tensorflow/lite/micro/kernels"
    assert {path for path in convolution if Path(path).name not in CORE} == {
        f"{kernels}/cmsis_nn/conv.cc",
        f"{kernels}/conv_common.cc",
        "CMSIS-NN/Source/ConvolutionFunctions/arm_convolve_s8.c",
        "CMSIS-NN/Source/arm_nntables.c",
    }
    fast = {path.name for path in tiny.sources(["CONV_2D"]) if tiny.optimization(path) == "-O2"}
    assert fast == {"conv.cc", "conv_common.cc", "arm_convolve_s8.c", "arm_nntables.c"}
    assert "CMSIS_NN" in tiny.defines
    assert re.fullmatch(r"tflite-micro, kernels with CMSIS-NN, sources [0-9a-f]{8}", tiny.version)
    assert {top / "flatbuffers" / "include", top / "CMSIS-NN" / "Include"} < set(tiny.includes)

    portable = find_library(with_library(write_packages(top), kernels=""))
    assert names(portable, "CONV_2D") == {*CORE, "conv.cc", "conv_common.cc"}
    assert "CMSIS_NN" not in portable.defines
    assert "reference kernels" in portable.version


def test_a_copy_in_one_folder(tmp_path: Path) -> None:
    """As older libraries have it, with a copy of CMSIS-NN that is included by its whole path."""
    tflm = {f"src/{name}": text for name, text in PACKAGES["tflite-micro"].items()}
    conv = "src/tensorflow/lite/micro/kernels/cmsis_nn/conv.cc"
    tflm[conv] = tflm[conv].replace("Include/", "third_party/cmsis_nn/Include/")
    dense = "src/tensorflow/lite/micro/kernels/fully_connected.cc"
    tflm[dense] = tflm[dense].replace("is_per_channel", "one_scale")
    copies = {f"src/third_party/cmsis_nn/{n}": text for n, text in PACKAGES["CMSIS-NN"].items()}
    others = {f"src/{n.removeprefix('include/')}": t for n, t in PACKAGES["flatbuffers"].items()}
    for name in ("gemmlowp", "ruy"):
        others |= {f"src/{n}": text for n, text in PACKAGES[name].items()}
    manifest = {"library.properties": 'name=Old\nversion=1.2 "b"\n'}
    old = find_library(
        with_library(write_packages(tmp_path, {"old": {**tflm, **copies, **others, **manifest}}))
    )
    assert old.version == "old 1.2 _b_, cmsis_nn kernels"  # it is put into a C++ literal
    assert not old.per_channel_dense
    assert "arm_convolve_s8.c" in names(old, "CONV_2D")


def test_a_library_that_changes_makes_another_image(tiny: Library, tmp_path: Path) -> None:
    before = tiny.fingerprint()
    header = tmp_path / "lib" / "flatbuffers" / "include" / "flatbuffers" / "base.h"
    header.write_text("// changed")
    assert tiny.fingerprint() != before


def test_operators_that_it_lacks_are_refused_before_the_build(board: Board) -> None:
    engine = TflmEngine.for_board(board)
    with pytest.raises(OperatorError, match=r"operator 0 QUANTIZE .* is not in .*tflite-micro"):
        engine.check(parse(every_operator()))
    engine.check(parse(dense(4, 2)))


def setup_of(board: Board, monkeypatch: pytest.MonkeyPatch, engine: str) -> Setup:
    monkeypatch.setattr("host.deployment.setup.find_board", lambda name: board)
    return find_setup(DeviceOptions(board.name, engine))


class Notes(list[str]):
    """An observer that keeps what the user is told."""

    def stage(self, name: str, total: int | None) -> None: ...
    def advance(self, done: int) -> None: ...
    def note(self, *texts: str) -> None:
        self.extend(texts)


def test_auto_takes_another_engine_where_the_library_refuses_the_model(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = parse(every_operator())
    setup = setup_of(board, monkeypatch, "auto")
    assert (setup.engine.name, setup.notes) == ("tflm", ())
    notes = Notes()
    setup = accepting(setup, [graph], notes)
    assert setup.engine.name == "aot"
    assert setup.notes == tuple(notes) and len(notes) == 1
    assert "Engine aot was chosen, because tflm refuses the model: operator 0 QUANTIZE" in notes[0]
    with pytest.raises(OperatorError, match="QUANTIZE"):
        accepting(setup_of(board, monkeypatch, "tflm"), [graph], notes)


def test_a_model_that_no_engine_takes(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    b, x = started((1, 4), Q.tensor(0.1))
    y = b.operator("L2_NORMALIZATION", [x], [b.tensor((1, 4), Q.tensor(1 / 128))], None)
    setup = setup_of(board, monkeypatch, "auto")
    with pytest.raises(OperatorError, match=r"tflm refuses the model: .*; because aot refuses"):
        accepting(setup, [b.parsed([x], [y])], Notes())


def per_channel() -> Graph:
    b, x = started((1, 4), Q.tensor(0.1))
    weights = np.ones((2, 4), np.int8)
    y = fully_connected(b, x, weights, Q.symmetric([0.1, 0.2], 0), None, Q.tensor(0.3))
    return b.parsed([x], [y])


def test_dense_layers_that_it_computes_wrongly_are_refused(board: Board) -> None:
    engine = TflmEngine.for_board(board)
    engine.check(per_channel())
    older = replace(engine, library=replace(engine.library, per_channel_dense=False))
    with pytest.raises(OperatorError, match="computes wrongly") as caught:
        older.check(per_channel())
    assert "--engine aot" in caught.value.hint


def test_what_is_rendered(board: Board) -> None:
    graph = parse(dense(6, 3, layers=2))
    rendered = TflmEngine.for_board(board).render(graph, 1000)
    assert (rendered.arena_bytes, rendered.digest) == (1008, graph.sha256)
    assert "kArenaBytes = 1008" in rendered.files["tflm_options.h"]
    assert "kOperatorKinds = 1" in rendered.files["tflm_options.h"]
    assert "resolver.AddFullyConnected()" in rendered.files["tflm_model.cc"]
    assert [operator.index for operator in rendered.operators] == [0, 1]


def of_softmax(dtype: type) -> Graph:
    b, x = started((1, 3), Q.tensor(0.1), dtype=dtype)
    return b.parsed([x], [softmax(b, x)])


def test_an_operator_is_registered_for_int8_only_where_it_computes_with_nothing_else(
    board: Board,
) -> None:
    engine = TflmEngine.for_board(board)
    eight, sixteen = of_softmax(np.int8), of_softmax(np.int16)
    for graphs, call in (
        ([eight], "AddSoftmax(tflite::Register_SOFTMAX_INT8())"),
        ([sixteen], "AddSoftmax()"),
        ([eight, sixteen], "AddSoftmax()"),
        ([eight, per_channel()], "AddSoftmax(tflite::Register_SOFTMAX_INT8())"),
    ):
        rendered = engine.render(graphs[0], 1000, graphs[1:])
        assert f"resolver.{call} " in rendered.files["tflm_model.cc"]


def test_an_image_for_several_models(board: Board) -> None:
    """The operators of all, a slot for the largest, and the largest arena."""
    small, wide, large = of_softmax(np.int8), parse(dense(3, 3)), parse(dense(300, 30))
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


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        ("symlink:///no/such/folder", "no folder /no/such/folder"),
        ("https://host.invalid/lib.git", "no connection to host.invalid"),
        ("", "no TFLite-Micro library is named"),
    ],
)
def test_a_library_that_is_not_available(specs: str, words: str) -> None:
    board = with_library(specs)
    with pytest.raises(ToolMissingError, match=words) as caught:
        find_engine("tflm", board)
    assert "--engine aot" in caught.value.hint
    engine, note = find_engine("auto", board)
    assert engine.name == "aot"
    assert note is not None and words in note
    assert words in outlook(board) and outlook(board).startswith("aot: ")


@pytest.mark.parametrize("package", ["tflite-micro", "CMSIS-NN", "flatbuffers", "gemmlowp", "ruy"])
def test_a_package_that_is_missing_is_named(package: str, tmp_path: Path) -> None:
    rest = {name: files for name, files in PACKAGES.items() if name != package}
    board = with_library(write_packages(tmp_path, rest))
    missing = {
        "tflite-micro": "there is no TFLite-Micro library",
        "CMSIS-NN": "needs Include/arm_nnfunctions.h",
        "flatbuffers": "needs flatbuffers/flatbuffers.h",
        "gemmlowp": "needs fixedpoint/fixedpoint.h",
        "ruy": "needs ruy/profiler/instrumentation.h",
    }
    with pytest.raises(ToolMissingError, match=missing[package]):
        find_library(board)


def test_checkouts_that_a_variable_names(
    board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(packages.CHECKOUTS, str(tmp_path / "lib"))
    assert find_library(with_library("symlink:///elsewhere")) == find_library(board)
    with pytest.raises(ToolMissingError, match="no TFLite-Micro library is named"):
        find_library(with_library(""))  # a board that cannot have one


def test_archives_without_a_manifest_are_installed_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By PlatformIO, once, whatever it takes for the library's root; and what a run downloads."""
    monkeypatch.setattr(packages, "_STORAGE", tmp_path / "storage")
    write_packages(tmp_path / "lib")
    commit = "90b983c2b3f1480642e040bbd2ddb37b998f3424"
    archives = {name: pack(tmp_path, name, commit) for name in ("tflite-micro", "gemmlowp")}
    folders = [tmp_path / "lib" / name for name in ("CMSIS-NN", "flatbuffers", "ruy")]
    specs = [f"file://{path}" for path in archives.values()]
    board = with_library("\n".join([*specs, *(f"symlink://{path}" for path in folders)]))
    assert "tflm, after a download of about 26 MB in 2 packages: tflite-micro, " in outlook(board)
    tiny = find_library(board)
    assert names(tiny, "CONV_2D") >= {*CORE, "conv.cc", "arm_convolve_s8.c"}
    assert outlook(board) == f"tflm: {tiny.version}"
    for archive in archives.values():
        archive.unlink()
    assert find_library(board) == tiny

    damaged = tmp_path / "damaged.zip"
    damaged.write_text("no archive")
    with pytest.raises(ToolMissingError, match=r"PlatformIO could not install .*damaged\.zip"):
        find_library(with_library(f"file://{damaged}"))
    assert not list((tmp_path / "storage").glob("tmp*"))


@pytest.mark.parametrize(
    ("spec", "name", "version"),
    [
        ("https://github.com/a/lib/archive/" + 40 * "b" + ".zip", "lib", 12 * "b"),
        ("https://github.com/a/lib/archive/refs/tags/v25.9.23.zip", "lib", "v25.9.23"),
        ("https://github.com/a/lib.git#" + 40 * "c", "lib", 12 * "c"),
        ("owner/lib@1.2.3", "lib", "1.2.3"),
    ],
)
def test_what_a_pin_says(
    spec: str, name: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "_STORAGE", tmp_path)
    (packages._storage(spec) / "package").mkdir(parents=True)
    (package,) = packages.find_packages(with_library(spec))
    assert (package.name, package.version) == (name, version)
