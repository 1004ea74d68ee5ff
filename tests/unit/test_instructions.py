"""The count of instructions is exact, by machine code and by Python."""

import platform
from collections.abc import Callable
from typing import Any

import pytest

from host.targets.instructions import Counter, count_in_python, count_natively, thumb_instructions

unicorn = pytest.importorskip("unicorn.unicorn_py3.unicorn")

# A loop of a hundred turns with an IT block: 1 + 100 * 6 instructions.
PROGRAM = bytes.fromhex(
    "64 20"  #       movs r0, #100
    "32 28"  # loop: cmp r0, #50
    "c8 bf"  #       it gt
    "01 31"  #       addgt r1, #1     fails fifty times, and counts
    "41 f2 34 24"  # movw r4, #0x1234  four bytes long
    "01 38"  #       subs r0, #1
    "f8 d1"  #       bne loop
)
NATIVE = pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code for x86-64")


@pytest.mark.parametrize("address", [0x1000, 0x20000000])  # flash; RAM, beyond the table
@pytest.mark.parametrize("count", [pytest.param(count_natively, marks=NATIVE), count_in_python])
def test_every_instruction_counts_once(count: Callable[[Any], Counter], address: int) -> None:
    from unicorn.unicorn_const import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB

    uc = unicorn.Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    uc.mem_map(address, 0x1000)
    uc.mem_write(address, PROGRAM)
    executed = count(uc)
    assert executed() == 0
    for turn in (1, 2):
        uc.emu_start(address | 1, address + len(PROGRAM))
        assert executed() == turn * (1 + 100 * 6)


def test_long_and_short_instructions_are_told_apart() -> None:
    assert thumb_instructions(PROGRAM) == 7
    assert thumb_instructions(b"") == 0
