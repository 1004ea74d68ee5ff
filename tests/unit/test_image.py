"""What is read from an image's ELF file."""

import shutil
import subprocess
from pathlib import Path

import pytest

from host.firmware.image import read_float_abi

FLOATS = "float twice(float x) { return 2 * x; }"


def compiled(folder: Path, text: str, compiler: str, *flags: str) -> Path:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    (folder / "source.cc").write_text(text)
    made = folder / "source.o"
    command = [compiler, *flags, "-c", str(folder / "source.cc"), "-o", str(made)]
    subprocess.run(command, check=True)
    return made


@pytest.mark.parametrize("abi", ["soft", "softfp", "hard"])
def test_the_float_abi_of_arm(abi: str, tmp_path: Path) -> None:
    flags = ("-mcpu=cortex-m4", "-mthumb", f"-mfloat-abi={abi}", "-mfpu=fpv4-sp-d16")
    assert read_float_abi(compiled(tmp_path, FLOATS, "arm-none-eabi-g++", *flags)) == abi


@pytest.mark.parametrize(("march", "mabi", "abi"), [("imac", "", "soft"), ("imafc", "f", "hard")])
def test_the_float_abi_of_riscv(march: str, mabi: str, abi: str, tmp_path: Path) -> None:
    flags = (f"-march=rv32{march}", f"-mabi=ilp32{mabi}")
    assert read_float_abi(compiled(tmp_path, FLOATS, "riscv64-unknown-elf-g++", *flags)) == abi


def test_where_files_do_not_say(tmp_path: Path) -> None:
    assert read_float_abi(compiled(tmp_path, FLOATS, "g++")) == ""
