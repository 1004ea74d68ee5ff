"""Counts the instructions that Unicorn executes, exactly and fast.

Unicorn calls back before every block of instructions. How many a block has is found once, from its
bytes. Those of an IT block whose condition fails count, too: they take their place in the pipeline,
and QEMU counts them. (Unicorn's call before every *instruction* leaves them out.)

A callback in Python takes half a microsecond, which makes 10 million instructions a second. So on
x86-64 it is machine code that looks the block up in a table; Python is called for a block's first
time only. Elsewhere it is Python every time, with the same count.
"""

import ctypes
import mmap
import platform
from collections.abc import Callable

from unicorn.unicorn_const import UC_HOOK_BLOCK
from unicorn.unicorn_py3.unicorn import Uc, UcError, uclib

Counter = Callable[[], int]

_TABLE_BYTES = 0x100000  # addresses that have a place in the table: the flash
_EVERYWHERE = (1, 0)  # begin above end


class _State(ctypes.Structure):
    _fields_ = (
        ("total", ctypes.c_uint64),
        ("limit", ctypes.c_uint64),
        ("first_time", ctypes.c_void_p),
        ("instructions", ctypes.c_uint32 * (_TABLE_BYTES // 2)),
    )


# void callback(uc_engine*, uint64_t address, uint32_t size, State*), System V ABI.
_CALLBACK = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p
)
_LOOK_UP = bytes.fromhex(
    "48 3b 71 08"  # cmp rsi, [rcx + 8]         address beyond the table?
    "73 12"  #       jae first_time
    "48 89 f0"  #    mov rax, rsi
    "48 d1 e8"  #    shr rax, 1
    "8b 44 81 18"  # mov eax, [rcx + rax*4 + 24]
    "85 c0"  #       test eax, eax
    "74 04"  #       jz first_time
    "48 01 01"  #    add [rcx], rax
    "c3"  #          ret
    "ff 61 10"  #    first_time: jmp [rcx + 16]
)


def count_instructions(uc: Uc) -> Counter:
    """Count from now on; the result gives the number so far, its own block included."""
    if platform.machine() == "x86_64" and platform.system() != "Windows":
        try:
            return count_natively(uc)
        except OSError:  # a system that allows no new code, such as a hardened kernel
            pass
    return count_in_python(uc)


def count_natively(uc: Uc) -> Counter:
    """By machine code, x86-64 only.

    Raises:
        OSError: memory cannot be made executable.
    """
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(_LOOK_UP)
    code = ctypes.c_char.from_buffer(page)

    def first_time(_: object, address: int, size: int, __: object) -> None:
        number = thumb_instructions(bytes(uc.mem_read(address, size)))
        state.total += number
        if address < _TABLE_BYTES:
            state.instructions[address // 2] = number

    callback = _CALLBACK(first_time)
    state = _State(0, _TABLE_BYTES, ctypes.cast(callback, ctypes.c_void_p))
    # Unicorn's Python package wraps every callback, so this goes below it, to its C function.
    handle = ctypes.c_size_t(0)
    status = uclib.uc_hook_add(
        uc._uch,
        ctypes.byref(handle),
        UC_HOOK_BLOCK,
        ctypes.c_void_p(ctypes.addressof(code)),
        ctypes.c_void_p(ctypes.addressof(state)),
        *map(ctypes.c_uint64, _EVERYWHERE),
    )
    if status != 0:
        raise UcError(status)

    def count() -> int:
        assert code is not None and callback is not None  # alive as long as the counter is
        return int(state.total)

    return count


def count_in_python(uc: Uc) -> Counter:
    """By a callback in Python for every block."""
    total = 0
    known: dict[tuple[int, int], int] = {}

    def enter(uc: Uc, address: int, size: int, _: object) -> None:
        nonlocal total
        if (address, size) not in known:
            known[address, size] = thumb_instructions(bytes(uc.mem_read(address, size)))
        total += known[address, size]

    uc.hook_add(UC_HOOK_BLOCK, enter)
    return lambda: total


def thumb_instructions(code: bytes) -> int:
    """How many Thumb instructions there are in a piece of code.

    One whose first five bits are 11101, 11110 or 11111 is four bytes long, any other two
    (Armv7-M ARM, A5.1).
    """
    count = position = 0
    while position < len(code):
        position += 4 if code[position + 1] >> 3 in (0b11101, 0b11110, 0b11111) else 2
        count += 1
    return count
