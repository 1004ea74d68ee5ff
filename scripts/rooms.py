"""The rooms of `host/`: lines by folder, and the arrows between folders. Asserts nothing.

    python -m scripts.rooms [CHECKOUT]

An arrow is an import. It runs upward where it ends in a room that stands above its own.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

# From the top of the house to its ground: a room imports only from those that follow it.
ROOMS = (
    *("__main__", "cli", "commands", "diagnosis", "deployment", "verdict", "targets", "engines"),
    *("firmware", "device", "quantize", "oracles", "models", "report", "base"),
)


def modules(root: Path) -> dict[str, Path]:
    """Every module of ``host`` in this checkout, by its dotted name."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((root / "host").rglob("*.py"))
    }


def imports(path: Path) -> Iterator[str]:
    """What a module imports from ``host``, wherever in the file: names of modules or in them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("host."))
        elif isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("host."):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def folder(name: str, path: Path) -> str:
    """The folder that a module is in, dotted."""
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


def arrows(root: Path) -> Counter[tuple[str, str]]:
    """How many imports run from one folder to another."""
    known = modules(root)
    counts: Counter[tuple[str, str]] = Counter()
    for name, path in known.items():
        here = folder(name, path)
        for target in imports(path):
            module = target if target in known else target.rpartition(".")[0]
            there = folder(module, known[module]) if module in known else here
            if there not in (here, "host"):  # host itself holds only the version
                counts[here, there] += 1
    return counts


def room(name: str) -> str:
    """The room at the top of ``host`` that a module or folder belongs to."""
    return name.split(".")[1] if "." in name else "__main__"


def upward(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows that run upward, or to a room that ``ROOMS`` does not know."""
    places = {name: place for place, name in enumerate(ROOMS)}
    return [
        (here, there)
        for here, there in pairs
        if places.get(room(here), len(ROOMS)) > places.get(room(there), -1)
    ]


def cycles(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Folders that import one another, directly or through others; one cycle for each folder."""
    edges: dict[str, set[str]] = {}
    for here, there in pairs:
        edges.setdefault(here, set()).add(there)

    def search(start: str, at: str, path: tuple[str, ...], seen: set[str]) -> tuple[str, ...]:
        for there in sorted(edges.get(at, ())):
            if there == start:
                return (*path, there)
            if there not in seen:
                seen.add(there)
                if around := search(start, there, (*path, there), seen):
                    return around
        return ()

    return [cycle for start in sorted(edges) if (cycle := search(start, start, (start,), set()))]


def main(root: Path) -> None:
    """Print the tables."""
    lines: Counter[str] = Counter()
    for name, path in modules(root).items():
        lines[folder(name, path)] += len(path.read_text().splitlines())
    counts = arrows(root)
    top = {path.relative_to(root / "host").parts[0] for path in modules(root).values()}
    loose = sorted(name for name in top if name.endswith(".py"))
    print(f"{len(top) - len(loose)} rooms; {len(loose)} loose files: {', '.join(loose)}")
    print(f"\n{'lines':>7}  folder")
    for name, count in sorted(lines.items()):
        print(f"{count:7,}  {name}")
    print(f"{sum(lines.values()):7,}  in all\n\n{'imports':>7}  arrow between rooms")
    rooms: Counter[tuple[str, str]] = Counter()
    for (here, there), count in counts.items():
        if room(here) != room(there):
            rooms[room(here), room(there)] += count
    for (here, there), count in sorted(rooms.items()):
        print(f"{count:7,}  {here} → {there}")
    ends = upward(counts)
    print(f"\n{len(ends)} arrows upward: {', '.join(' → '.join(e) for e in ends) or 'none'}")
    around = cycles(counts)
    print(f"{len(around)} folders in cycles: {'; '.join(' → '.join(c) for c in around) or 'none'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1])
