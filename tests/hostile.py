"""Names that would do something wherever they were not mere text; models that have them."""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.flatbuffer_models import ModelBuilder, Q, fully_connected

CANARY = "pwned"  # a file that is made if a name is run, wherever it is run
NAMES: tuple[str, ...] = (
    *("'", '"', "'\"`", "\\", 'a"; system("touch pwned"); //', "line\nfeed", "a\r\nb", "nu\0l"),
    *("*/ #error /*", "// \\", "??/", "%s%n%x", "{{ 7*7 }}", "{% raw %}", "{# x"),
    *('#include "/etc/passwd"', "\n#error\n", "</script><script>alert(1)</script>"),
    *("&amp;&lt;", '<img src=x onerror="x">', '" onload="x', "a' id='b", 'a" id="b', "]]>", "<!--"),
    *("../../etc/x", "/etc/passwd", "..", "C:\\x", "~root"),
    *("$(touch pwned)", "`touch pwned`", "; touch pwned;", "| touch pwned", "&& touch pwned"),
    *("\x1b[2J\x1b[31m", "\x9b2J", "\x07\x08", "abc\u202edef", "\u200b\u2066", "\ufeff"),
    *("\ud800", "\uffff", "\U0001f600\u0301", "n" * 10_000, " ", "a\tb", "\u2028x\u2029"),
    *("[red]", "[/]", "[link=https://example.org]x[/link]", "[bold", ":smile:"),
    *("$\\frac{$", "$x^2$", "font: 1px a", "#010101", 'href="#a', "-rf", "--help", "-"),
)
BYTES = b"\xff\xfe\xc3("
ALL: tuple[str | bytes, ...] = (*NAMES, BYTES)
# What may stand in the name of a file.
FILE_NAMES = tuple(
    name
    for name in NAMES
    if not set(name) & {"/", "\0"} and name not in ("..", "\ud800") and len(name) < 200
)
_UNITS = 4


def model(names: tuple[str | bytes, ...], change: int = 0) -> bytes:
    """As many dense layers as there are names.

    Args:
        names: of the layers' outputs; the constants have them as well, and the input, the subgraph,
            the signature and so on.
        change: added to the zero point of the first layer's output.
    """
    rng = np.random.default_rng(0)
    b = ModelBuilder()
    source = x = b.tensor((1, _UNITS), Q.tensor(0.05, 3))
    for layer, name in enumerate(names):
        weights = rng.integers(-127, 128, (_UNITS, _UNITS), dtype=np.int8)
        bias = rng.integers(-999, 999, _UNITS, dtype=np.int32)
        q = Q.tensor(0.05, (0 if layer else change) - layer % 5)
        first = len(b.graph.tensors)
        x = fully_connected(b, x, weights, Q.tensor(0.01), bias, q)
        raw = encoded(name)
        for tensor in b.graph.tensors[first:]:
            tensor.name = raw if tensor is b.graph.tensors[x] else raw + b" constant"
    # LiteRT takes no signature whose name is not UTF-8.
    raw = encoded(names[min(5, len(names) - 1)])
    b.graph.tensors[source].name = raw + b" input"
    b.graph.name, b.model.description = raw, raw
    metadata = schema.MetadataT()
    metadata.name, metadata.buffer = raw, 0
    b.model.metadata = [metadata]
    signature = schema.SignatureDefT()
    signature.signatureKey = raw
    signature.subgraphIndex = 0
    signature.inputs, signature.outputs = [schema.TensorMapT()], [schema.TensorMapT()]
    signature.inputs[0].name, signature.inputs[0].tensorIndex = raw, source
    signature.outputs[0].name, signature.outputs[0].tensorIndex = raw, x
    b.model.signatureDefs = [signature]
    return b.build([source], [x])


def encoded(name: str | bytes) -> bytes:
    """A name as it stands in a file."""
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogatepass")


def custom(code: bytes) -> bytes:
    """A model with a custom operator of that name."""
    b = ModelBuilder()
    x, y = (b.tensor((1, _UNITS), Q.tensor(0.1)) for _ in range(2))
    b.operator("CUSTOM", [x], [y])
    b.model.operatorCodes[0].customCode = code
    return b.build([x], [y])


def names_of(count: int) -> tuple[str | bytes, ...]:
    """So many names that nothing minds."""
    return tuple(f"plain{i}" for i in range(count))


def text_of(name: str | bytes) -> str:
    """A name as the program reads it from a file."""
    return encoded(name).decode("utf-8", "replace")


def shown(text: str) -> bool:
    """Whether all of a text can be seen: nothing in it that a terminal obeys."""
    return all(c == "\n" or not unicodedata.category(c).startswith("C") for c in text)


class Page(HTMLParser):
    """A page's elements with their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[tuple[str, str]] = set()
        self.outline: list[str] = []
        self.texts: list[str] = []
        self._drawing = 0
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements |= {(tag, key) for key, _ in attrs} | {(tag, "")}
        self._drawing += tag == "svg"
        if not self._drawing:  # a figure has more or fewer ticks beside a longer label
            self.outline.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._drawing -= tag == "svg"

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.elements.add(("comment", data))
