"""An engine's library in PlatformIO's hands: what is chosen of it is compiled, as it wants it."""

import json
from dataclasses import replace
from pathlib import Path

from host.device.session import Session
from host.engines.aot import AotEngine
from host.firmware.boards import find_board
from host.firmware.build import build_image
from host.models.tflite import parse
from host.targets import find_target
from tests.fixtures.models import dense

# In two packages. What is not chosen does not compile, or would be a second main().
FILES = {
    "one/lib/answer.h": 'int answer();\nextern "C" int half();\n',
    "one/lib/answer.cc": """
#include "lib/answer.h"
#include "third/limit.h"
static_assert(__FILE__[0] == 'a' && sizeof(__FILE__) == sizeof("answer.cc"), "not a whole path");
#if !defined(LIBRARY) || LIBRARY != 2 || !defined(PLATFORMIO) || __cplusplus != 201703L
#error "not as the library and the board want it"
#endif
static int unused(long wide) { int narrow = wide; return narrow; }
int answer() { return 2 * half() + LIMIT; }
""",
    "one/other/answer.c": """
#ifndef __OPTIMIZE_SIZE__
#error "not as small as it should be"
#endif
int half(void) { int unused = 0; return 20; }
""",
    "one/lib/esp_nn/answer.cc": "int answer() { return 1; }\n",
    "one/lib/answer_test.cc": "int main() { return 0; }\n",
    "one/python/bindings.cc": "#include <pybind11/pybind11.h>\n",
    "two/include/third/limit.h": "#define LIMIT 2\n",
    "two/src/float.c": '#error "switched off"\n',
}
PROBE = """
#include <cstdlib>
#include "lib/answer.h"
static const bool g_checked = answer() == LIBRARY * 21 || (std::abort(), false);
"""


def test_of_a_library_just_what_is_chosen_is_compiled(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    library = {
        "sources": {
            str(tmp_path / "one" / "lib" / "answer.cc"): "-O2",
            str(tmp_path / "one" / "other" / "answer.c"): "-Os",
        },
        "includes": [str(tmp_path / "one"), str(tmp_path / "two" / "include")],
        "defines": ["LIBRARY=2"],
        "fingerprint": "1",
    }
    board, graph = find_board("process"), parse(dense(4, 2))
    rendered = AotEngine().render(graph)
    choice = {**json.loads(rendered.files["build.json"]), "library": library}
    files = {**rendered.files, "build.json": json.dumps(choice), "probe.cc": PROBE}
    rendered = replace(rendered, files=files, library=str(tmp_path))
    image = build_image(rendered, graph, board, tmp_path / "image")
    with find_target(board).start(image, board, tmp_path / "log") as link:
        assert Session(link).hello(10).model_digest == rendered.digest
    assert "warning:" not in (tmp_path / "image" / "build.log").read_text()
