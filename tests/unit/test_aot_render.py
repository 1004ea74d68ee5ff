"""What engine ``aot`` renders: the digest, exact numbers, and no text from the model."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from host import __version__
from host.engines import find_engine
from host.engines.aot import AotEngine
from host.firmware.boards import find_board
from host.models.tflite import Graph
from tests.aot import convolution, movement
from tests.aot.builder import Q, started
from tests.fixtures import native

EVIL = '*/ #error "\n\\??/'
SCALE = float(np.float32(0.1234567))


def small_model(name: str = "x") -> Graph:
    b, x = started((1, 3), Q.tensor(SCALE, -7), name=name)
    weights = np.array([[1, -128, 3], [4, 5, 127]], np.int8)
    bias = np.array([-(2**31), 2**31 - 1], np.int32)
    y = convolution.fully_connected(
        b, x, weights, Q.symmetric([0.5, 0.25], 0), bias, Q.tensor(0.3, 9)
    )
    z = movement.reshape(b, y, (2, 1))
    for index in (y, z):
        b.graph.tensors[index].name = name.encode()
    return b.parsed([x], [z])


def tables(source: str) -> list[tuple[str, list[int]]]:
    """The constant tables of a source, in their order."""
    found = re.findall(
        r"alignas\(16\) const (int\d+)_t \w+\[\d+\] = \{([^}]*)\};", source, re.DOTALL
    )
    return [
        (kind, [int(v.replace("INT32_MIN", str(-(2**31)))) for v in text.split(",") if v.strip()])
        for kind, text in found
    ]


def test_digest_is_over_the_file_and_the_tables_as_they_are_emitted() -> None:
    graph = small_model()
    rendered = AotEngine().render(graph)
    hashed = hashlib.sha256(hashlib.sha256(graph.content).digest())
    constants = tables(rendered.files["model.cc"])
    assert [kind for kind, _ in constants] == ["int16", "int32", "int32", "int8"]
    size = 0
    for kind, values in constants:
        data = np.array(values, np.dtype(kind).newbyteorder("<")).tobytes()
        hashed.update(data)
        size += len(data)
    assert rendered.digest == hashed.hexdigest()
    assert rendered.constant_bytes == size == 16 + 8 + 8 + 2


def test_what_is_rendered_about_the_model() -> None:
    rendered = AotEngine().render(small_model())
    assert rendered.engine == "aot"
    assert list(rendered.files) == ["model.cc", "build.json"]
    assert [(o.index, o.name, o.tensor) for o in rendered.operators] == [
        (0, "FULLY_CONNECTED", 1),
        (1, "RESHAPE", 4),
    ]
    blocks = {block.tensor: block for block in rendered.arena}
    assert set(blocks) == {0, 1, 4}
    assert blocks[1].offset == blocks[4].offset
    assert rendered.arena_bytes == 32
    source = rendered.files["model.cc"]
    assert float(np.float32(SCALE)).hex() + "f" in source
    assert f'kEngineVersion[] = "{__version__}"' in source


def test_rendering_is_repeatable() -> None:
    assert AotEngine().render(small_model()) == AotEngine().render(small_model())


def test_names_from_the_model_do_not_get_into_the_source() -> None:
    source = AotEngine().render(small_model(EVIL)).files["model.cc"]
    assert "#error" not in source
    assert source.isascii()


def test_the_engine_is_registered() -> None:
    assert isinstance(find_engine("aot", find_board("qemu-m4"))[0], AotEngine)


@pytest.mark.skipif(native.COMPILER is None, reason="g++ is not installed")
def test_scales_zero_points_and_constants_reach_cpp_exactly(tmp_path: Path) -> None:
    graph = small_model(EVIL)
    rendered = AotEngine().render(graph)
    main = r"""
#include <cstdio>
#include "model.cc"
int main() {
  std::fwrite(&model::kInputs[0].scale, 4, 1, stdout);
  std::fwrite(&model::kInputs[0].zero_point, 4, 1, stdout);
  std::fwrite(model::kTfliteSha256, 1, 32, stdout);
  for (uint32_t i = 0; i < model::kConstantCount; ++i) {
    std::fwrite(model::kConstants[i].data, 1, model::kConstants[i].bytes, stdout);
  }
  return 0;
}
namespace aot {
void fully_connected(const FullyConnected&, const int8_t*, int8_t*) {}
}
"""
    (tmp_path / "model.cc").write_text(rendered.files["model.cc"], encoding="utf-8")
    output = native.run_program(native.compile_program(main, tmp_path), b"")
    assert np.frombuffer(output[:4], np.float32)[0] == np.float32(SCALE)
    assert np.frombuffer(output[4:8], np.int32)[0] == -7
    assert hashlib.sha256(output[8:]).hexdigest() == rendered.digest
