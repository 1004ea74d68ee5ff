"""An nRF52840 in Unicorn, as far as the firmware needs it. Runs as a process of its own::

    python -m host.targets.nrf52840 firmware.elf SOCKET

Its UART is the unix socket, on which the host listens. Ends with code 0 when the host goes, and
with code 99 and a word about it on standard error when the firmware hits a fault, which the
processor would take to its handler.
"""

import select
import socket
import sys
from pathlib import Path

from elftools.elf.elffile import ELFFile
from unicorn.arm_const import UC_ARM_REG_LR, UC_ARM_REG_PC, UC_ARM_REG_SP, UC_CPU_ARM_CORTEX_M4
from unicorn.unicorn_const import (
    UC_ARCH_ARM,
    UC_HOOK_MEM_INVALID,
    UC_MODE_MCLASS,
    UC_MODE_THUMB,
    UC_PROT_EXEC,
    UC_PROT_READ,
)
from unicorn.unicorn_py3.unicorn import Uc, UcError

from host.targets.child import FAULT
from host.targets.instructions import count_instructions
from host.targets.nrf52840_registers import PAGE, UICR, Clock, Plain, Registers, Uart, Uicr

FLASH, FLASH_SIZE = 0x00000000, 0x100000
RAM, RAM_SIZE = 0x20000000, 0x40000
_NEVER = 0xFFFFFFFE  # an address at which emulation would end
_CPUID = {0xD00: 0x410FC241}  # Cortex-M4 r0p1


class HostGoneError(Exception):
    """The host closed the socket."""


class FaultError(Exception):
    """The firmware did what the processor would take to a fault handler."""


class Nrf52840:
    """The chip with an image in flash and its UART on a socket."""

    def __init__(self, elf: Path, line: socket.socket) -> None:
        self._line = line
        self._bad_access: int | None = None
        self._uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(UC_CPU_ARM_CORTEX_M4)
        self._uc.mem_map(FLASH, FLASH_SIZE, UC_PROT_READ | UC_PROT_EXEC)
        self._uc.mem_map(RAM, RAM_SIZE)
        self._map(UICR, Uicr(count_instructions(self._uc)))
        self._map(0x40000000, Clock())
        self._map(0x40002000, Uart(self._receive, line.sendall))
        self._map(0x4001E000, Plain())  # NVMC
        self._map(0x50000000, Plain())  # GPIO
        self._map(0xE000E000, Plain(_CPUID))
        self._uc.hook_add(UC_HOOK_MEM_INVALID, self._note_bad_access)
        self._load(elf)

    def run(self) -> None:
        """Reset and run.

        Raises:
            HostGoneError: the host closed the socket.
            FaultError: the firmware hit a fault.
        """
        stack = int.from_bytes(self._uc.mem_read(FLASH, 4), "little")
        reset = int.from_bytes(self._uc.mem_read(FLASH + 4, 4), "little")
        self._uc.reg_write(UC_ARM_REG_SP, stack)
        try:
            self._uc.emu_start(reset | 1, _NEVER)
        except UcError as error:
            raise FaultError(self._describe(error)) from error
        raise FaultError(self._describe("the processor stopped"))

    def _map(self, address: int, registers: Registers) -> None:
        def read(uc: Uc, offset: int, size: int, _: object) -> int:
            return registers.read(offset)

        def write(uc: Uc, offset: int, size: int, value: int, _: object) -> None:
            registers.write(offset, value)

        self._uc.mmio_map(address, PAGE, read, None, write, None)

    def _load(self, elf: Path) -> None:
        with elf.open("rb") as stream:
            for segment in ELFFile(stream).iter_segments("PT_LOAD"):
                if segment["p_filesz"]:
                    self._uc.mem_write(segment["p_paddr"], segment.data())

    def _receive(self, wait: bool) -> bytes:
        if not wait and not select.select([self._line], [], [], 0)[0]:
            return b""
        data = self._line.recv(65536)
        if not data:
            raise HostGoneError
        return data

    def _note_bad_access(
        self, uc: Uc, access: int, address: int, size: int, value: int, _: object
    ) -> bool:
        self._bad_access = address
        return False

    def _describe(self, what: object) -> str:
        where = {"pc": UC_ARM_REG_PC, "lr": UC_ARM_REG_LR, "sp": UC_ARM_REG_SP}
        state = ", ".join(f"{name} {self._uc.reg_read(reg):#010x}" for name, reg in where.items())
        bad = f" at {self._bad_access:#010x}" if self._bad_access is not None else ""
        return f"fault: {what}{bad}; {state}"


def main(elf: str, path: str) -> int:
    """Run an image until the host goes; the exit code."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        try:
            Nrf52840(Path(elf), line).run()
        except (HostGoneError, ConnectionError):
            pass
        except FaultError as fault:
            sys.stderr.write(f"{fault}\n")
            return FAULT
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
