"""A bound on what a compressed file unpacks to: a few kilobytes of zeros can fill the memory."""

import zipfile
from collections.abc import Iterable

# Weights shrink by a tenth and pictures to a half. What shrinks more than this is not real data, or
# can be stored uncompressed.
_MOST = 1 << 28  # bytes
_MOST_TIMES = 20


def check_unpacked(unpacked: int, packed: int) -> None:
    """Check what a file of ``packed`` bytes says that it unpacks to.

    Raises:
        ValueError: it is too much, both in bytes and for a file of this size.
    """
    if unpacked > max(_MOST, _MOST_TIMES * packed):
        raise ValueError(
            f"its {packed:,} bytes would unpack to {unpacked:,}; store it uncompressed"
        )


def check_members(members: Iterable[zipfile.ZipInfo], packed: int) -> None:
    """As ``check_unpacked``, of a zip file's members. More than a member says is never read."""
    check_unpacked(sum(member.file_size for member in members), packed)
