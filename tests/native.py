"""Compiles what engine ``aot`` renders for this machine, and runs it.

The kernels are compiled once per process, with address and undefined-behaviour sanitizers; each
model is then one small file. The program reads inputs from stdin and writes to stdout what the
operator hook sees, and the outputs.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from elftools.elf.elffile import ELFFile

from host.base.paths import cache_folder
from host.firmware.rendered import Rendered
from host.models.tflite import Graph

Array = npt.NDArray[Any]

KERNELS = Path(__file__).resolve().parents[1] / "firmware" / "engines" / "aot"
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]
LANGUAGE = ["-std=c++17", "-fno-exceptions", "-fno-rtti"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
COMPILER = shutil.which("g++")

# Builds of the kernels: name and compiler flags.
VARIANTS: dict[str, list[str]] = {"portable": [], "dsp": ["-DAOT_DSP_EMULATED"]}

_MAIN = r"""
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace {

void write_out(void*, uint16_t, const uint8_t* output, uint32_t bytes) {
  std::fwrite(output, 1, bytes, stdout);
}

}  // namespace
"""
# The arena is filled before every run: a kernel that reads what nobody wrote gives itself away.
_RUN = r"""
namespace model {

bool read_inputs() {
  std::memset(arena, 0xa5, kArenaBytes);
  for (uint8_t i = 0; i < kInputCount; ++i) {
    const Tensor& input = kInputs[i];
    if (std::fread(input.data, 1, input.bytes, stdin) != input.bytes) return false;
  }
  return true;
}

void serve() {
  while (read_inputs()) {
    run(write_out, nullptr);
    for (uint8_t i = 0; i < kOutputCount; ++i) {
      write_out(nullptr, 0, kOutputs[i].data, kOutputs[i].bytes);
    }
    // A run without a hook must be possible too, and must not disturb the next.
    run(nullptr, nullptr);
  }
}

}  // namespace model
"""


@dataclass(frozen=True)
class NativeRun:
    """``operators``: [n, *shape] for each executed operator; ``outputs``: for each output."""

    operators: tuple[Array, ...]
    outputs: tuple[Array, ...]


@dataclass(frozen=True)
class NativeModel:
    """A compiled model: the one of this number in a program."""

    program: Path
    number: int
    graph: Graph
    rendered: Rendered

    def run(self, inputs: tuple[Array, ...]) -> NativeRun:
        """Run on ``inputs``, [n, *shape] of each input's type."""
        n = inputs[0].shape[0]
        samples = [b"".join(x[i].tobytes() for x in inputs) for i in range(n)]
        output = run_program(self.program, b"".join(samples), str(self.number))
        tensors = [self.graph.tensors[o.tensor] for o in self.rendered.operators]
        tensors += [self.graph.tensors[i] for i in self.graph.outputs]
        ends = np.cumsum([t.nbytes for t in tensors])
        data = np.frombuffer(output, np.uint8).reshape(n, ends[-1])
        parts = [
            np.ascontiguousarray(part).view(tensor.numpy_dtype).reshape(n, *tensor.shape)
            for part, tensor in zip(np.split(data, ends[:-1], axis=1), tensors, strict=True)
        ]
        count = len(self.rendered.operators)
        return NativeRun(tuple(parts[:count]), tuple(parts[count:]))


def build(graph: Graph, rendered: Rendered, folder: Path, variant: str = "portable") -> NativeModel:
    """Compile a rendered model and link it with the kernels, in ``folder``."""
    return build_all([(graph, rendered)], folder, variant)[0]


def build_all(
    models: Sequence[tuple[Graph, Rendered]], folder: Path, variant: str = "portable"
) -> list[NativeModel]:
    """Compile many models into one program, in ``folder``: starting a linker takes long."""
    declarations = (KERNELS / "model.h").read_text().replace("#pragma once", "")
    parts = [_MAIN]
    for number, (_, rendered) in enumerate(models):
        parts += [f"#define model model_{number}\n", declarations]
        parts += [rendered.files["model.cc"].replace('#include "model.h"', ""), _RUN]
        parts.append("#undef model\n")
    cases = "".join(f"    case {n}: model_{n}::serve(); break;\n" for n in range(len(models)))
    parts.append(
        "int main(int, char** arguments) {\n  switch (std::atoi(arguments[1])) {\n"
        f"{cases}  }}\n  return 0;\n}}\n"
    )
    source = folder / f"{variant}.cc"
    source.write_text("".join(parts), encoding="utf-8")
    program = folder / variant
    # -O0: it is tables and calls.
    _compile(["-O0", str(source), *map(str, _objects(variant)), "-o", str(program)])
    return [NativeModel(program, n, *model) for n, model in enumerate(models)]


def compile_program(source: str, folder: Path) -> Path:
    """Compile one C++ source that includes the kernels' headers."""
    (folder / "program.cc").write_text(source, encoding="utf-8")
    _compile(["-O1", str(folder / "program.cc"), "-o", str(folder / "program")])
    return folder / "program"


def run_program(program: Path, data: bytes, *arguments: str) -> bytes:
    """What a program makes of ``data``; fails with its last words if a sanitizer stops it."""
    done = subprocess.run(
        [program, *arguments], input=data, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout


@functools.cache
def _objects(variant: str) -> tuple[Path, ...]:
    """The kernels' objects, kept in the cache: each is compiled once, whatever process wants it."""
    headers = b"".join(path.read_bytes() for path in sorted(KERNELS.glob("*.h")))
    objects = []
    for source in sorted(KERNELS.glob("*.cc")):
        if source.name == "engine.cc":
            continue
        flags = ["-O1", *VARIANTS[variant], "-c", str(source)]
        made_of = " ".join([_version(), *LANGUAGE, *WARNINGS, *SANITIZERS, *flags]).encode()
        key = hashlib.sha256(made_of + headers + source.read_bytes()).hexdigest()
        found = cache_folder() / "kernels" / f"{source.stem}-{key[:32]}.o"
        if not found.exists():
            found.parent.mkdir(parents=True, exist_ok=True)
            partial = found.with_suffix(f".{os.getpid()}.part")
            _compile([*flags, "-o", str(partial)])
            partial.replace(found)
        objects.append(found)
    return tuple(objects)


def kernels_that_differ(one: str, other: str) -> set[str]:
    """Names of the kernels' sources that two variants make different code of."""
    pairs = zip(_objects(one), _objects(other), strict=True)
    return {a.name.partition("-")[0] for a, b in pairs if _code(a) != _code(b)}


def _code(path: Path) -> bytes:
    with path.open("rb") as stream:
        sections = ELFFile(stream).iter_sections()
        return b"".join(s.data() for s in sections if s.name.startswith(".text"))


@functools.cache
def _version() -> str:
    command = [str(COMPILER), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _compile(arguments: list[str]) -> None:
    assert COMPILER is not None
    command = [COMPILER, *LANGUAGE, *WARNINGS, *SANITIZERS, f"-I{KERNELS}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
