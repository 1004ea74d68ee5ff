"""Builds a model for the Nano by the product's own functions, with a library beside the engine.

``python tests/mbed/build.py MODEL FOLDER``, in the checkout that is to build it.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from host.engines.aot import AotEngine
from host.firmware.boards import find_board
from host.firmware.build import build_image
from host.models.tflite import load

LIBRARY = Path(__file__).parent / "library"
PROBE = """
#include "node.h"
#ifdef __cpp_exceptions
#error "our sources have none"
#endif
const int g_inputs = inputs(Node{3});
"""

model, folder = map(Path, sys.argv[1:])
graph, board = load(model), find_board("nano33ble")
rendered = AotEngine().render(graph)
choice = json.loads(rendered.files["build.json"]) | {
    "library": {
        "sources": {str(LIBRARY / "node.cc"): "-O2"},
        "includes": [str(LIBRARY)],
        "defines": [],
        "fingerprint": "1",
    }
}
files = {**rendered.files, "build.json": json.dumps(choice), "probe.cc": PROBE}
build_image(replace(rendered, files=files, library=str(LIBRARY)), graph, board, folder)
