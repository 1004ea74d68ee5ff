"""Boards are data: the envs of platformio.ini."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from host.base.errors import ConfigError
from host.base.paths import ROOT


@dataclass(frozen=True)
class Board:
    """An ``[env:…]`` of platformio.ini. Sizes in bytes; ``options`` are its custom_ options."""

    name: str
    description: str
    target: str
    link: str
    flash: int
    ram: int
    options: Mapping[str, str]


_PREFIX = "custom_"
# Options that no number depends on: how the board is found, and what its user is told.
NO_CONDITIONS = ("recovery", "tflm_download", "usb_bootloader_ids", "usb_ids")


def load_boards(ini: Path | None = None) -> dict[str, Board]:
    """All boards, by name, in the order of the file; overrides included.

    Raises:
        ConfigError: platformio.ini is missing, cannot be read, or an env lacks an option.
    """
    from platformio.exception import PlatformioException
    from platformio.project.config import ProjectConfig

    path = ini or ROOT / "platformio.ini"
    if not path.is_file():
        raise ConfigError(f"{path} is missing", "Run from a checkout of the project.")
    try:
        config = ProjectConfig(str(path))
        config.validate(silent=True)
        return {name: _board(config, name) for name in config.envs()}
    except PlatformioException as error:
        raise ConfigError(f"{path}: {error}", "Correct platformio.ini.") from error


def find_board(name: str) -> Board:
    """The board of that name.

    Raises:
        ConfigError: there is none; the hint names the nearest.
    """
    boards = load_boards()
    if name in boards:
        return boards[name]
    near = difflib.get_close_matches(name, boards, n=1, cutoff=0.0)
    raise ConfigError(
        f"there is no board {name!r}",
        f"Did you mean {near[0]!r}? `python -m host boards` lists them all." if near else None,
    )


def _board(config: object, name: str) -> Board:
    section = f"env:{name}"
    options: dict[str, str] = {
        key: str(value)
        for key, value in config.items(section, as_dict=True).items()  # type: ignore[attr-defined]
        if key.startswith((_PREFIX, "board"))
    }
    flags = [
        flag
        for option in ("build_flags", "build_src_flags")
        for flag in config.get(section, option, [])  # type: ignore[attr-defined]
    ]

    def need(key: str) -> str:
        if key not in options:
            raise ConfigError(f"[{section}] in platformio.ini has no {key}", "Add the option.")
        return options[key].strip()

    def size(key: str) -> int:
        try:
            return int(need(key), 0)
        except ValueError as error:
            raise ConfigError(f"[{section}] {key} is not a number of bytes") from error

    return Board(
        name=name,
        description=need("custom_description"),
        target=need("custom_target"),
        link=need("custom_link"),
        flash=size("board_upload.maximum_size"),
        ram=size("board_upload.maximum_ram_size"),
        options={
            "build_flags": " ".join(flags),
            **{k.removeprefix(_PREFIX): v for k, v in options.items() if k.startswith(_PREFIX)},
        },
    )
