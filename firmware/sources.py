"""Adds to every env what a run chooses: the engine, its library, and the model's sources.

The host writes the choice, `build.json`, and the generated sources below `.pio/generated/<env>`
before it calls PlatformIO.
"""

import hashlib
import json
import sys
from pathlib import Path

Import("env")  # noqa: F821  PlatformIO runs this file inside SCons, which provides the name
env = env  # noqa: F821

generated = Path(env.subst("$PROJECT_WORKSPACE_DIR")) / "generated" / env["PIOENV"]
if not (generated / "build.json").exists():
    sys.stderr.write(
        f"Error: no generated sources in {generated}\n"
        f"Run first: python -m host flash-and-eval --board {env['PIOENV']}\n"
    )
    env.Exit(1)

choice = json.loads((generated / "build.json").read_text())
engine = Path(env.subst("$PROJECT_DIR")) / "firmware" / "engines" / choice["engine"]
env.Append(
    CPPPATH=["$PROJECT_INCLUDE_DIR", str(generated), str(engine)],
    CPPDEFINES=choice.get("defines", []),
)

if choice.get("library_sources"):
    library = Path(choice["library_sources"])
    needed = {str(library / name) for name in choice["library_files"]}
    # As a system's, so that our warnings do not look into the library's headers.
    env.Append(CCFLAGS=["-isystem", str(library)])

    def choose(env, node):
        """Compile of the library just what is needed, and without our warnings."""
        path = Path(node.srcnode().get_abspath()).resolve()
        if not path.is_relative_to(library):
            return node
        if str(path) not in needed:
            return None
        flags = [flag for flag in env["CCFLAGS"] if not str(flag).startswith("-W")]
        # One place for all boards with the same compiler and flags, and no define of a board's:
        # so that PlatformIO's build cache serves them all.
        variant = hashlib.sha256(f"{env['CXX']} {flags} {env['CXXFLAGS']}".encode()).hexdigest()
        name = path.relative_to(library).with_suffix(".o")
        return env.Object(
            f"$PROJECT_WORKSPACE_DIR/objects/{variant[:8]}/{name}",
            node,
            CCFLAGS=[*flags, "-w"],
            CPPDEFINES=choice.get("defines", []),
            CPPPATH=[str(library)],
        )

    env.AddBuildMiddleware(choose)

env.BuildSources("$BUILD_DIR/engine", str(engine))
env.BuildSources("$BUILD_DIR/generated", str(generated))
