"""How bytes travel. One of the three plug points; two emulators may share a link."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable
from typing import IO, Any, Protocol, TypeVar

from host.base import defaults
from host.base.errors import LinkError

T = TypeVar("T")


class Link(Protocol):
    """A two-way stream of bytes."""

    def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
        """Send and receive what can be, waiting until something could or the deadline is there.

        One call does both: an end that writes without reading can lock up with a peer that does
        the same.

        Args:
            outgoing: bytes to send; may be empty.
            deadline: a value of ``time.monotonic()``.

        Returns:
            How many of the outgoing bytes were taken, and the bytes that arrived.

        Raises:
            LinkError: the other side is gone.
        """

    def restore(self, deadline: float) -> None:
        """After a LinkError, come back to the same device, under whatever name its port has now.

        Raises:
            LinkError: the device is not back at the deadline, or this kind of link cannot.
        """

    def close(self) -> None:
        """Let go. May be called twice."""


_CHUNK = 65536
_SERIAL_CHUNK = 512
_SERIAL_POLL = 0.0005
_RETURN_POLL = 0.1


class DescriptorLink:
    """A link on file descriptors: a connected stream socket as both ends, or a child's pipes."""

    def __init__(self, reader: IO[bytes] | socket.socket, writer: IO[bytes] | socket.socket):
        self._owner = (reader, writer)
        self.reader, self.writer = reader.fileno(), writer.fileno()
        os.set_blocking(self.reader, False)
        os.set_blocking(self.writer, False)

    def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
        """See ``Link.transfer``."""
        wanted = [self.writer] if outgoing else []
        left = max(0.0, deadline - time.monotonic())
        readable, writable, _ = select.select([self.reader], wanted, [], left)
        taken, data = 0, b""
        try:
            if readable:
                data = os.read(self.reader, _CHUNK)
                if not data:
                    raise LinkError("the device closed the connection")
            if writable:
                taken = os.write(self.writer, outgoing[:_CHUNK])
        except BlockingIOError:
            pass
        except OSError as error:
            raise LinkError(f"the connection to the device broke: {error.strerror}") from error
        return taken, data

    def restore(self, deadline: float) -> None:
        """See ``Link.restore``. Who is at the other end was started with this link, and is gone."""
        raise LinkError("its link cannot be opened again")

    def close(self) -> None:
        """See ``Link.close``."""
        for end in self._owner:
            with contextlib.suppress(OSError):  # a pipe whose reader is gone may hold bytes
                end.close()


class SerialLink:
    """A serial port, or any URL that pyserial knows (``socket://host:port``, ``rfc2217://…``)."""

    def __init__(
        self, port: str, baud: int = defaults.BAUD, find: Callable[[], str | None] | None = None
    ) -> None:
        """Open the port; URLs and USB ignore ``baud``. ``find`` gives the name that the port has
        now, or None while it is not there; by default the name stays.

        Raises:
            LinkError: it cannot be opened.
        """
        self._baud = baud
        self._find = find or (lambda: port)
        self._open(port)

    def _open(self, port: str) -> SerialLink:
        import serial

        # Two programs on one port would take each other's answers. URLs know no such thing.
        options: dict[str, Any] = {} if "://" in port else {"exclusive": True}
        try:
            # No timeouts: reads and writes do what can be done at once.
            self._serial = serial.serial_for_url(
                port, baudrate=self._baud, timeout=0, write_timeout=0, **options
            )
        except (serial.SerialException, ValueError, OSError) as error:
            raise LinkError(
                f"cannot open {port}: {error}",
                "Check the name (`pio device list`), the cable, and that no monitor and no other "
                "run holds it.",
            ) from error
        self._port = port
        self._failures = (serial.SerialException, OSError)
        return self

    def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
        """See ``Link.transfer``."""
        while True:
            try:
                taken = self._write(outgoing[:_SERIAL_CHUNK])
                data = bytes(self._serial.read(_CHUNK))
            except self._failures as error:
                raise LinkError(f"{self._port} is gone: {error}") from error
            if taken or data or time.monotonic() >= deadline:
                return taken, data
            # pyserial waits for one direction only, and its URLs have nothing to select on.
            time.sleep(_SERIAL_POLL)

    def _write(self, data: bytes) -> int:
        """How many bytes the port takes at once. pyserial would try until it takes all."""
        port = getattr(self._serial, "fd", None)
        if not data or (port is not None and not select.select([], [port], [], 0)[1]):
            return 0
        return int(self._serial.write(data) or 0)

    def restore(self, deadline: float) -> None:
        """See ``Link.restore``."""
        self.close()
        if when_there(self._find, self._open, deadline) is None:
            raise LinkError(f"{self._port} has not come back")

    def close(self) -> None:
        """See ``Link.close``."""
        with contextlib.suppress(*self._failures):
            self._serial.close()


def when_there(
    find: Callable[[], str | None], attempt: Callable[[str], T], deadline: float
) -> T | None:
    """Open a port as soon as it is there; None where it is not at the deadline.

    Args:
        find: gives its name, or None.
        attempt: opens it. A port is there for a moment before it can be used.
        deadline: a value of ``time.monotonic()``.

    Raises:
        LinkError: at the deadline it still could not be opened.
    """
    while True:
        port = find()
        late = time.monotonic() >= deadline
        if port is not None:
            try:
                return attempt(port)
            except LinkError:
                if late:
                    raise
        elif late:
            return None
        time.sleep(_RETURN_POLL)
