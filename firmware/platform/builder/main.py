"""How PlatformIO builds for the boards of this platform: compiler, flags, start-up code, link."""

import os
from pathlib import Path

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
board = env.BoardConfig()
platform_dir = Path(env.PioPlatform().get_dir())
prefix = board.get("build.toolchain")
embedded = bool(prefix)
here = os.path.relpath(platform_dir, env.subst("$PROJECT_SRC_DIR"))

env.Replace(
    AR=prefix + "gcc-ar",
    AS=prefix + "gcc",
    CC=prefix + "gcc",
    CXX=prefix + "g++",
    RANLIB=prefix + "gcc-ranlib",
    SIZETOOL=prefix + "size",
    ARFLAGS=["rc"],
    PROGNAME="firmware",
    PROGSUFFIX=".elf",
    SIZEPROGREGEXP=r"^(?:\.vectors|\.text|\.rodata|\.init_array|\.ARM\.exidx|\.data)\s+(\d+).*",
    SIZEDATAREGEXP=r"^(?:\.data|\.bss)\s+(\d+).*",
    SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
    SIZEPRINTCMD="$SIZETOOL -B -d $SOURCES",
)
env.Append(
    CCFLAGS=["-g", "-ffunction-sections", "-fdata-sections"],
    CXXFLAGS=["-std=c++17", "-fno-exceptions", "-fno-rtti"],
    LINKFLAGS=["-Wl,--gc-sections"],
)
if embedded:
    arch = board.get("build.arch_flags")
    ours = ["startup"]
    # Without a C and a C++ library, for compilers that come with neither.
    if board.get("build.freestanding", False):
        ours += ["freestanding"]
        env.Append(CCFLAGS=["-ffreestanding"], LINKFLAGS=["-nostdlib"], LIBS=["gcc"])
    else:
        env.Append(LINKFLAGS=["--specs=nano.specs", "--specs=nosys.specs"])
    env.Append(
        ASFLAGS=arch,
        CCFLAGS=arch,
        CXXFLAGS=["-fno-threadsafe-statics", "-fno-use-cxa-atexit"],
        LINKFLAGS=[*arch, "-nostartfiles", "-Wl,--no-warn-rwx-segments"],
        CPPPATH=[str(platform_dir / folder) for folder in ours],
        LIBPATH=[str(platform_dir / "ldscripts")],
        # The start-up code is ours, and what describes the board is for our sources alone.
        SRC_FILTER=[f"+<{here}/{folder}/>" for folder in ours],
        SRC_BUILD_FLAGS=[f"-D{name}={value}" for name, value in board.get("build.defines")],
    )
    env.Replace(LDSCRIPT_PATH=str(platform_dir / "ldscripts" / board.get("build.ldscript")))

program = env.BuildProgram()
AlwaysBuild(env.Alias("buildprog", program, program))
env.AddPlatformTarget(
    "size", program, env.VerboseAction("$SIZEPRINTCMD", "Calculating size $SOURCE"), "Program size"
)
Default(["buildprog"])
