"""Adds to every env what a run chooses: the engine, and the model's generated sources.

The host writes both below `.pio/generated/<env>` before it calls PlatformIO.
"""

import sys
from pathlib import Path

Import("env")  # noqa: F821  PlatformIO runs this file inside SCons, which provides the name

generated = Path(env.subst("$PROJECT_WORKSPACE_DIR")) / "generated" / env["PIOENV"]  # noqa: F821
choice = generated / "engine.txt"
if not choice.exists():
    sys.stderr.write(
        f"Error: no generated sources in {generated}\n"
        f"Run first: python -m host flash-and-eval --board {env['PIOENV']}\n"  # noqa: F821
    )
    env.Exit(1)  # noqa: F821

engine = Path(env.subst("$PROJECT_DIR")) / "firmware" / "engines" / choice.read_text().strip()  # noqa: F821
env.Append(CPPPATH=["$PROJECT_INCLUDE_DIR", str(generated), str(engine)])  # noqa: F821
env.BuildSources("$BUILD_DIR/engine", str(engine))  # noqa: F821
env.BuildSources("$BUILD_DIR/generated", str(generated))  # noqa: F821
