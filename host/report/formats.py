"""Number formats, and text made safe to show. A number that is None or not finite is a dash."""

import math
import unicodedata

# A thin no-break space: groups digits and joins a number with its unit, and never wraps.
THIN = "\u202f"
DASH = "—"


def number(value: float | None, digits: int = 4) -> str:
    """Integers in groups of three digits, other numbers to ``digits`` significant ones; with a true
    minus sign."""
    if value is None or not math.isfinite(value):
        return DASH
    if (float(value).is_integer() and abs(value) < 1e15) or abs(value) >= 1000:
        text = f"{round(value):,}".replace(",", THIN)
    else:
        text = f"{value:.{digits}g}"
    return text.replace("-", "−")


def fixed(value: float | None, digits: int = 2) -> str:
    """With a fixed number of decimals and a true minus sign, none before zero."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:.{digits}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "−")


def percent(share: float | None, digits: int = 1) -> str:
    """A share 0..1 in percent, with a fixed number of decimals: ``98.3 %``, ``> 99.9 %``.

    Only exactly all reads 100 %, only exactly none reads 0 %.
    """
    if share is None or not math.isfinite(share):
        return DASH
    if share in (0.0, 1.0):
        return f"{100 * share:.0f}{THIN}%"
    least = 10.0**-digits
    if 100 - least < 100 * share < 100:
        return f">{THIN}{100 - least:.{digits}f}{THIN}%"
    if 0 < 100 * share < least:
        return f"<{THIN}{least:.{digits}f}{THIN}%"
    return f"{100 * share:.{digits}f}{THIN}%"


def p_value(p: float | None) -> str:
    """The p of a test, to two digits: ``p = 0.8``, ``p < 0.001``. In a table under "p", see
    ``bare_p``."""
    bare = bare_p(p)
    return f"p {bare}" if bare.startswith("<") else f"p = {bare}"


def bare_p(p: float | None) -> str:
    """The p of a test, to two digits, for a column of such: ``0.8``, ``< 0.001``."""
    if p is None or not math.isfinite(p):
        return DASH
    return f"<{THIN}0.001" if p < 0.001 else f"{p:.2g}"


def size(nbytes: float | None) -> str:
    """Bytes, in KiB or MiB where that reads better."""
    if nbytes is None or not math.isfinite(nbytes):
        return DASH
    if nbytes < 1024:
        return f"{number(round(nbytes))}{THIN}B"
    unit, scale = ("KiB", 1024) if nbytes < 1024 * 1024 else ("MiB", 1024 * 1024)
    return f"{number(round(nbytes / scale, 1))}{THIN}{unit}"


def duration(seconds: float | None) -> str:
    """Seconds, to a tenth below a minute."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    if seconds < 0.1:
        return f"{1000 * seconds:.0f}{THIN}ms"
    if seconds < 60:
        return f"{seconds:.1f}{THIN}s"
    return f"{int(seconds // 60)}{THIN}min {int(seconds % 60)}{THIN}s"


def at_most(value: float | None) -> str:
    """``≤ 3``, and for none ``0``."""
    return "0" if value == 0 else f"≤{THIN}{number(value)}"


def many(count: int, noun: str) -> str:
    """``1 run``, ``2 000 runs``."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


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
