"""Adds to every env what a run chooses: the engine and the model's sources.

The host writes the choice, `build.json`, and the generated sources below `.pio/generated/<env>`
before it calls PlatformIO.
"""

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
env.Append(CPPPATH=["$PROJECT_INCLUDE_DIR", str(generated), str(engine)])
library = choice.get("library")
if library:
    # As a system's, so that our warnings do not look into the library's headers.
    env.Append(
        CCFLAGS=[f"-isystem{path}" for path in library["includes"]], CPPDEFINES=library["defines"]
    )

env.BuildSources("$BUILD_DIR/engine", str(engine))
env.BuildSources("$BUILD_DIR/generated", str(generated))
