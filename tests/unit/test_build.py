"""What can be said about a build without building."""

from host.firmware.build import first_error


def test_the_first_error_of_the_compiler_is_found() -> None:
    log = """Compiling .pio/build/qemu-m4/engine/add.o
firmware/flash_and_eval/engines/aot/add.cc:3:1: warning: unused
firmware/flash_and_eval/engines/aot/add.cc:7:5: error: 'x' was not declared in this scope
firmware/flash_and_eval/engines/aot/add.cc:9:5: error: another
*** [.pio/build/qemu-m4/engine/add.o] Error 1
"""
    assert first_error(log).endswith("add.cc:7:5: error: 'x' was not declared in this scope")


def test_a_linker_error_is_found() -> None:
    log = "ld: main.o: in function `main':\nmain.cc:3: undefined reference to `engine::init()'\n"
    assert "undefined reference to `engine::init()'" in first_error(log)


def test_without_an_error_the_last_line_stands() -> None:
    assert first_error("one\ntwo\n\n") == "two"
    assert first_error("") == "no output"
