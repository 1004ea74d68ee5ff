"""Number formats, and text made safe to show."""

from __future__ import annotations

import math
import unicodedata

# A thin no-break space: groups digits and joins a number with its unit, and never wraps.
THIN = "\u202f"


def number(value: float, digits: int = 4) -> str:
    """Integers in groups of three digits, other numbers to ``digits`` significant ones."""
    if not math.isfinite(value):
        return "—"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", THIN)
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", THIN)
    return f"{value:.{digits}g}"


def percent(share: float) -> str:
    """A share 0..1 in percent. Only exactly all reads 100 %, only exactly none reads 0 %."""
    if not math.isfinite(share):
        return "—"
    if 0.999 < share < 1.0:
        return f">{THIN}99.9{THIN}%"
    if 0.0 < share < 0.001:
        return f"<{THIN}0.1{THIN}%"
    digits = 0 if share in (0.0, 1.0) else 1
    return f"{100 * share:.{digits}f}{THIN}%"


def size(nbytes: float) -> str:
    """Bytes, in KiB or MiB where that reads better."""
    if nbytes < 1024:
        return f"{number(round(nbytes))}{THIN}B"
    unit, scale = ("KiB", 1024) if nbytes < 1024 * 1024 else ("MiB", 1024 * 1024)
    return f"{number(round(nbytes / scale, 1))}{THIN}{unit}"


def duration(seconds: float) -> str:
    """Seconds, to a tenth below a minute."""
    if seconds < 0.1:
        return f"{1000 * seconds:.0f}{THIN}ms"
    if seconds < 60:
        return f"{seconds:.1f}{THIN}s"
    return f"{int(seconds // 60)}{THIN}min {int(seconds % 60)}{THIN}s"


def signed(value: float, digits: int = 4) -> str:
    """As ``number``, with a true minus sign."""
    return number(value, digits).replace("-", "−")


def plain(text: str) -> str:
    """Text on one line, with escapes for what is not to be seen: control characters, line ends,
    direction marks, lone surrogates. Names in a model may hold anything."""
    return "".join(_visible(c) for c in text)


def _visible(char: str) -> str:
    category = unicodedata.category(char)
    if category[0] == "C" or category in ("Zl", "Zp"):
        return char.encode("unicode_escape").decode("ascii")
    return char


def short(text: str, width: int = 28) -> str:
    """The end of a tensor's name, where names of a graph differ, at most ``width`` characters.

    Of a fused operator's names, the first.
    """
    text = plain(text).split(";", 1)[0]
    return text if len(text) <= width else "…" + text[-(width - 1) :]


def at_most(value: float) -> str:
    """``≤ 3``, and for none ``0``."""
    return "0" if value == 0 else f"≤{THIN}{number(value)}"
