"""For envs with a framework: its own files find its headers first, and ours find ours first.

Arduino_Core_STM32 has a `board.h`, and mbed a `device.h`, as we do. PlatformIO puts our
include_dir in front for our own sources; for all others it goes to the end, where SCons still scans
it for changes.
"""

Import("env")  # noqa: F821  PlatformIO runs this file inside SCons, which provides the name
env = env  # noqa: F821

ours = {env.subst(path) for path in ("$PROJECT_INCLUDE_DIR", "$PROJECT_DIR/firmware")}
paths = env["CPPPATH"]
last = [path for path in paths if env.subst(str(path)) in ours]
env.Replace(CPPPATH=[path for path in paths if path not in last] + last)
