"""What is read from an image's ELF file: where sections lie, and the float ABI."""

import shutil
import subprocess
from pathlib import Path

import pytest

from host.base.paths import FIRMWARE
from host.firmware.image import Section, read_float_abi, read_sections

# As ESP-IDF's linker scripts name sections. Read in place, one of them is writable all the same.
ESP_IDF = """
asm(".section .flash.text,\\"ax\\"\\n.zero 8");
asm(".section .flash_rodata_dummy,\\"aw\\",@nobits\\n.zero 65536");
asm(".section .flash.rodata,\\"aw\\"\\n.zero 16");
asm(".section .dram0.data,\\"aw\\"\\n.zero 4");
asm(".section .dram0.bss,\\"aw\\",@nobits\\n.zero 32");
"""
FLOATS = '#include "flash_and_eval/core/float_abi.h"'


def compiled(folder: Path, text: str, compiler: str, *flags: str) -> Path:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    (folder / "source.cc").write_text(text)
    made = folder / "source.o"
    command = [compiler, *flags, f"-I{FIRMWARE}", "-c", str(folder / "source.cc"), "-o", str(made)]
    subprocess.run(command, check=True)
    return made


def test_what_an_esp32_reads_in_place_is_no_ram(tmp_path: Path) -> None:
    elf = compiled(tmp_path, ESP_IDF, "g++")
    ours = [section for section in read_sections(elf) if section.name[:5] in (".flas", ".dram")]
    assert ours == [
        Section(".flash.text", 8, "flash"),
        Section(".flash.rodata", 16, "flash"),
        Section(".dram0.data", 4, "both"),
        Section(".dram0.bss", 32, "ram"),
    ]


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
