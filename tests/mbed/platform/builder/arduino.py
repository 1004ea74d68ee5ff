"""The framework. Its headers come by -iwithprefixbefore, which GCC searches after every -I, and its
flags, the language among them, come from files of the core. It has exceptions, as the ESP32's has.
"""

from pathlib import Path

from SCons.Script import DefaultEnvironment

env = DefaultEnvironment()
board = env.BoardConfig()
framework = Path(env.PioPlatform().get_package_dir("framework-arduino-mbed"))
core = framework / "cores" / board.get("build.core")
variant: Path = framework / "variants" / board.get("build.variant")


def flags(name: str) -> list[str]:
    """What a file of the variant says, a flag on each line."""
    return (variant / f"{name}.txt").read_text().split()


env.Append(
    CFLAGS=flags("cflags"),
    CXXFLAGS=flags("cxxflags"),
    CCFLAGS=[
        f"-iprefix{core}",
        f"@{variant / 'includes.txt'}",
        "-nostdlib",
        "-mfloat-abi=soft",
    ],
    CPPDEFINES=[("ARDUINO", 10810), "ARDUINO_ARCH_MBED"],
    CPPPATH=[str(core), str(variant)],
    LIBSOURCE_DIRS=[str(framework / "libraries")],
    LINKFLAGS=flags("ldflags"),
)
env.Replace(LDSCRIPT_PATH=str(variant / "linker_script.ld"))
env.Prepend(_LIBFLAGS="-Wl,--whole-archive ")
env.Append(_LIBFLAGS=" -Wl,--no-whole-archive -lstdc++ -lm -lc -lgcc -lnosys")
env.Prepend(
    LIBS=[
        env.BuildLibrary("$BUILD_DIR/FrameworkArduinoVariant", str(variant)),
        env.BuildLibrary("$BUILD_DIR/FrameworkArduino", str(core)),
    ]
)
