"""Numbers of a study as its page and the terminal show them; a dash for what is not there."""

from __future__ import annotations


def points(value: float | None) -> str:
    """Percent, or points between two of them, to a hundredth."""
    if value is None:
        return "—"
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "−")


def p_value(value: float | None) -> str:
    """A probability to two digits."""
    if value is None:
        return "—"
    return "< 0.001" if value < 0.001 else f"{value:.2g}" if value < 0.995 else "1"


def share(value: float | None) -> str:
    """A share 0..1 in percent, to a hundredth; only exactly all reads 100."""
    if value is None:
        return "—"
    return "100" if value == 1.0 else f"{min(99.99, 100 * value):.2f}"
