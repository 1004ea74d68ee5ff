"""Compiles what engine ``aot`` renders for this machine, and runs it.

The kernels are compiled once per process, with address and undefined-behaviour sanitizers; each
model is then one small file. The program reads inputs from stdin and writes to stdout what the
operator hook sees, and the outputs.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from host.models.tflite import Graph
from host.records import Rendered

Array = npt.NDArray[Any]

KERNELS = Path(__file__).resolve().parents[1] / "firmware" / "engines" / "aot"
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]
LANGUAGE = ["-std=c++17", "-fno-exceptions", "-fno-rtti"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
COMPILER = shutil.which("g++")

# The arena is filled before every run: a kernel that reads what nobody wrote gives itself away.
_MAIN = r"""
#include <cstdio>
#include <cstring>

#include "model.h"

namespace {

void write_out(void*, uint16_t, const uint8_t* output, uint32_t bytes) {
  std::fwrite(output, 1, bytes, stdout);
}

bool read_inputs() {
  std::memset(model::arena, 0xa5, model::kArenaBytes);
  for (uint8_t i = 0; i < model::kInputCount; ++i) {
    const model::Tensor& input = model::kInputs[i];
    if (std::fread(input.data, 1, input.bytes, stdin) != input.bytes) return false;
  }
  return true;
}

}  // namespace

int main() {
  while (read_inputs()) {
    model::run(write_out, nullptr);
    for (uint8_t i = 0; i < model::kOutputCount; ++i) {
      write_out(nullptr, 0, model::kOutputs[i].data, model::kOutputs[i].bytes);
    }
    // A run without a hook must be possible too, and must not disturb the next.
    model::run(nullptr, nullptr);
  }
  return 0;
}
"""


@dataclass(frozen=True)
class NativeRun:
    """``operators``: [n, *shape] for each executed operator; ``outputs``: for each output."""

    operators: tuple[Array, ...]
    outputs: tuple[Array, ...]


@dataclass(frozen=True)
class NativeModel:
    """A compiled model."""

    program: Path
    graph: Graph
    rendered: Rendered

    def run(self, inputs: tuple[Array, ...]) -> NativeRun:
        """Run on ``inputs``, int8 [n, *shape] for each input."""
        n = inputs[0].shape[0]
        flat = np.concatenate([x.reshape(n, -1) for x in inputs], axis=1)
        output = run_program(self.program, flat.tobytes())
        tensors = [self.graph.tensors[o.tensor] for o in self.rendered.operators]
        tensors += [self.graph.tensors[i] for i in self.graph.outputs]
        ends = np.cumsum([t.nbytes for t in tensors])
        data = np.frombuffer(output, np.int8).reshape(n, ends[-1])
        parts = [
            part.reshape(n, *tensor.shape)
            for part, tensor in zip(np.split(data, ends[:-1], axis=1), tensors, strict=True)
        ]
        count = len(self.rendered.operators)
        return NativeRun(tuple(parts[:count]), tuple(parts[count:]))


def build(graph: Graph, rendered: Rendered, folder: Path) -> NativeModel:
    """Compile a rendered model and link it with the kernels, in ``folder``."""
    for name, text in rendered.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    sources = [folder / name for name in rendered.files if name.endswith(".cc")]
    program = folder / "model"
    # -O0: it is tables and calls. The linker's start is most of the time that a model takes.
    _compile(["-O0", *map(str, sources), *map(str, _objects()), "-o", str(program)])
    return NativeModel(program, graph, rendered)


def compile_program(source: str, folder: Path) -> Path:
    """Compile one C++ source that includes the kernels' headers."""
    (folder / "program.cc").write_text(source, encoding="utf-8")
    _compile(["-O1", str(folder / "program.cc"), "-o", str(folder / "program")])
    return folder / "program"


def run_program(program: Path, data: bytes) -> bytes:
    """What a program makes of ``data``; fails with its last words if a sanitizer stops it."""
    done = subprocess.run([program], input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout


@functools.cache
def _objects() -> tuple[Path, ...]:
    folder = Path(_folder().name)
    (folder / "main.cc").write_text(_MAIN, encoding="utf-8")
    sources = [p for p in sorted(KERNELS.glob("*.cc")) if p.name != "engine.cc"]
    objects = []
    for source in [*sources, folder / "main.cc"]:
        objects.append(folder / f"{source.stem}.o")
        _compile(["-O1", "-c", str(source), "-o", str(objects[-1])])
    return tuple(objects)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="aot-kernels-")


def _compile(arguments: list[str]) -> None:
    assert COMPILER is not None
    command = [COMPILER, *LANGUAGE, *WARNINGS, *SANITIZERS, f"-I{KERNELS}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
