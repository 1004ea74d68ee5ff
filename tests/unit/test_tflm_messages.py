"""The words of the TFLite-Micro library, as the firmware keeps them."""

import subprocess
from pathlib import Path

import pytest

from host.base.paths import CODE, FIRMWARE, INCLUDE_FOLDER, ROOT

ENGINE = CODE / "engines" / "tflm"
WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror", "-fsanitize=undefined")


@pytest.mark.parametrize("arguments", [True, False])
def test_what_is_kept_of_the_library_s_words(arguments: bool, tmp_path: Path) -> None:
    options = "namespace model { inline constexpr bool kMessagesHaveArguments = %d; }\n"
    (tmp_path / INCLUDE_FOLDER).mkdir()
    (tmp_path / INCLUDE_FOLDER / "tflm_options.h").write_text(options % arguments)
    sources = (ENGINE / "messages.cc", ROOT / "tests" / "cpp" / "messages_main.cc")
    program = tmp_path / "program"
    command = ["g++", "-std=c++17", *WARNINGS, f"-I{FIRMWARE}", f"-I{tmp_path}", "-o", str(program)]
    subprocess.run([*command, *map(str, sources)], check=True)
    said = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    first, second, third, fourth = said.splitlines()
    if arguments:
        assert first == (
            "conv.cc:12 failed to allocate. Requested: 96, available -2147483648, missing: 98; "
            "Node CONV_2D (number 0f) failed, type ff, size 7."
        )
        assert second == "1 %f %s"  # how large a double is, need not be known here
    else:  # the library has formatted it, so that a % is one
        assert second == "%d %f %s"
    assert len(third) == 319 and third.startswith("0123456789; 0123456789; ")
    assert fourth == "first"
