"""Adds to every env what a run chooses: the engine and the model's sources.

The host writes the choice, `build.json`, and the generated sources below `.pio/generated/<env>`
before it calls PlatformIO.
"""

import atexit
import json
import os
import sys
from pathlib import Path

Import("env")  # noqa: F821  PlatformIO runs this file inside SCons, which provides the name
env = env  # noqa: F821

NAME = "flash_and_eval"  # of the folder in every #include of ours
generated = Path(env.subst("$PROJECT_WORKSPACE_DIR")) / "generated" / env["PIOENV"]
if not (generated / NAME / "build.json").exists():
    sys.stderr.write(
        f"Error: no generated sources in {generated / NAME}\n"
        f"Run first: python -m host flash-and-eval --board {env['PIOENV']}\n"
    )
    env.Exit(1)

# What SCons knows of the objects stands beside them. In the cache, where PlatformIO keeps it, the
# builds of two boards at once would overwrite what the other knows. After a build that was killed,
# objects are newer than what is known: another model's would count as built.
state = Path(env.subst("$BUILD_DIR"))
state.mkdir(parents=True, exist_ok=True)
unfinished = state / ".unfinished"
if unfinished.exists():
    for known in state.glob(".sconsign*"):
        known.unlink()
unfinished.touch()
atexit.register(unfinished.unlink, missing_ok=True)
env.SConsignFile(str(state / ".sconsign"))

choice = json.loads((generated / NAME / "build.json").read_text())
library = choice.get("library") or {"includes": [], "defines": []}
# Filters are relative to src_dir. What they name is built with build_src_flags, and only that.
here = os.path.relpath(generated, env.subst("$PROJECT_SRC_DIR"))
env.Append(
    CPPPATH=[str(generated)],
    SRC_FILTER=[f"+<{NAME}/engines/{choice['engine']}/>", f"+<{here}/{NAME}/>"],
    # As a system's, so that our warnings do not look into the library's headers.
    SRC_BUILD_FLAGS=[f'-isystem "{path}"' for path in library["includes"]]
    + [f"-D{define}" for define in library["defines"]],
)
