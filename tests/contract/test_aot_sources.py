"""The kernels compile without a warning for every core, and need nothing from outside."""

import shutil
import subprocess
from pathlib import Path

import pytest

from host.base.paths import FIRMWARE
from host.engines.aot import AotEngine
from scripts import bench_models
from tests.aot import activations, quantize
from tests.aot.builder import Q, started
from tests.fixtures import native

ARM = shutil.which("arm-none-eabi-g++")
# What a compiler may call of its own accord.
FROM_LIBC = {"memset", "memcpy", "memmove", "__aeabi_memclr", "__aeabi_memcpy"}


@pytest.mark.skipif(ARM is None, reason="arm-none-eabi-g++ is not installed")
@pytest.mark.parametrize(
    "cpu", ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m55"]
)
def test_sources_compile_for_the_device(cpu: str, tmp_path: Path) -> None:
    b, x = started((1, 3), Q.tensor(0.1, -7))
    y = activations.softmax(b, quantize.quantize(b, x, Q.tensor(0.2)))
    rendered = AotEngine().render(b.parsed([x], [y]))
    (tmp_path / "model.cc").write_text(rendered.files["model.cc"], encoding="utf-8")
    sources = [*sorted(native.ENGINE.rglob("*.cc")), tmp_path / "model.cc"]
    command = [str(ARM), f"-mcpu={cpu}", "-mthumb", "-O2", *native.LANGUAGE, *native.WARNINGS]
    command += [f"-I{FIRMWARE}", "-c", *map(str, sources)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {n for n in _undefined(tmp_path) if not _from_libgcc(n)} <= FROM_LIBC
    (tmp_path / "quantize.o").unlink()
    floating = [n for n in _undefined(tmp_path) if n.startswith(("__aeabi_f", "__aeabi_d"))]
    assert floating == [], "only QUANTIZE and DEQUANTIZE may need them"


@pytest.mark.skipif(ARM is None, reason="arm-none-eabi-g++ is not installed")
def test_the_benchmark_compiles_a_model(tmp_path: Path) -> None:
    b, x = started((1, 3), Q.tensor(0.1, -7))
    model = tmp_path / "model.tflite"
    model.write_bytes(b.build([x], [activations.softmax(b, x)]))
    assert all(seconds > 0 for seconds in bench_models.seconds(model))


def _from_libgcc(name: str) -> bool:
    """Arithmetic that the core has no instruction for."""
    return name.startswith("__aeabi_") and not name.startswith("__aeabi_mem")


def _undefined(folder: Path) -> set[str]:
    """Symbols that the objects need, without what they give each other and what core gives."""
    objects = sorted(map(str, folder.glob("*.o")))
    listing = subprocess.run(
        ["arm-none-eabi-nm", *objects], capture_output=True, text=True, check=True
    ).stdout
    entries = [line.split() for line in listing.splitlines() if line and not line.endswith(":")]
    needed = {e[-1] for e in entries if e[-2] == "U"}
    given = {e[-1] for e in entries if e[-2] != "U"}
    return {name for name in needed - given if "Sha256" not in name}
