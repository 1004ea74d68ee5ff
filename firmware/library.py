"""Compiles the engine's library: the files that the host has chosen, as the library wants them.

Runs when the platform and the framework have set all their flags. The library is none of those that
PlatformIO looks for: what is in its folders is compiled only if it is in the list.
"""

import hashlib
import json
from pathlib import Path

Import("env")  # noqa: F821  PlatformIO runs this file inside SCons, which provides the name
env = env  # noqa: F821

generated = (
    Path(env.subst("$PROJECT_WORKSPACE_DIR")) / "generated" / env["PIOENV"] / "flash_and_eval"
)
library = json.loads((generated / "build.json").read_text()).get("library")

if library:
    library_env = env.Clone()
    flags = [flag for flag in env["CCFLAGS"] if not str(flag).startswith("-W")]
    standard = [flag for flag in env["CXXFLAGS"] if not str(flag).startswith("-std=")]
    library_env.Replace(
        # Its headers before all others, and before the build's eyes: the fingerprint covers them.
        CCFLAGS=[*(f"-I{path}" for path in library["includes"]), *flags, "-g0", "-w"],
        # Without exceptions, which its classes do not compile with; some frameworks have them.
        CXXFLAGS=[*standard, "-std=c++17", "-fno-exceptions"],
        CPPDEFINES=[*env["CPPDEFINES"], *library["defines"]],
    )
    # One place for all boards with the same compiler and flags, so that PlatformIO's build cache
    # serves them all.
    command = library_env.subst(
        "$CC $CXX $CFLAGS $CXXFLAGS $CCFLAGS $CPPFLAGS $_CPPDEFFLAGS $CPPPATH"
    )
    variant = hashlib.sha256(f"{command} {library['fingerprint']}".encode()).hexdigest()[:12]
    objects = []
    for source, optimization in library["sources"].items():
        tag = hashlib.sha256(source.encode()).hexdigest()[:8]
        name = f"$PROJECT_WORKSPACE_DIR/objects/{variant}/{Path(source).stem}-{tag}.o"
        # The whole path in each of its messages would make images larger, and no two alike.
        file = ("__FILE__", library_env.StringifyMacro(Path(source).name))
        objects += library_env.Object(
            name,
            source,
            CCFLAGS=[*library_env["CCFLAGS"], optimization],
            CPPDEFINES=[*library_env["CPPDEFINES"], file],
        )
    env.Prepend(LIBS=[library_env.StaticLibrary("$BUILD_DIR/library", objects)])
