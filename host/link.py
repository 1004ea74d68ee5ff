"""How bytes travel. One of the three plug points; two emulators may share a link."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from typing import IO, Protocol

from host.errors import LinkError


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

    def close(self) -> None:
        """Let go. May be called twice."""


_CHUNK = 65536
_SERIAL_CHUNK = 512
_SERIAL_POLL = 0.0005


class DescriptorLink:
    """A link on file descriptors: a socket, or a child's pipes."""

    def __init__(self, reader: int, writer: int, owner: tuple[IO[bytes] | socket.socket, ...]):
        self._reader = reader
        self._writer = writer
        self._owner = owner
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)

    @classmethod
    def from_socket(cls, connection: socket.socket) -> DescriptorLink:
        """A link on a connected stream socket."""
        return cls(connection.fileno(), connection.fileno(), (connection,))

    @classmethod
    def from_pipes(cls, reader: IO[bytes], writer: IO[bytes]) -> DescriptorLink:
        """A link on a child's standard output and input."""
        return cls(reader.fileno(), writer.fileno(), (reader, writer))

    def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
        """See ``Link.transfer``."""
        wanted = [self._writer] if outgoing else []
        left = max(0.0, deadline - time.monotonic())
        readable, writable, _ = select.select([self._reader], wanted, [], left)
        taken, data = 0, b""
        try:
            if readable:
                data = os.read(self._reader, _CHUNK)
                if not data:
                    raise LinkError("the device closed the connection")
            if writable:
                taken = os.write(self._writer, outgoing[:_CHUNK])
        except BlockingIOError:
            pass
        except OSError as error:
            raise LinkError(f"the connection to the device broke: {error.strerror}") from error
        return taken, data

    def close(self) -> None:
        """See ``Link.close``."""
        for thing in self._owner:
            with contextlib.suppress(OSError):  # a pipe whose reader is gone may hold bytes
                thing.close()


class SerialLink:
    """A serial port, or any URL that pyserial knows (``socket://host:port``, ``rfc2217://…``)."""

    def __init__(self, port: str, baud: int = 115200) -> None:
        """Open the port.

        Raises:
            LinkError: it cannot be opened.
        """
        import serial

        self._port = port
        try:
            # No timeouts: reads and writes do what can be done at once.
            self._serial = serial.serial_for_url(port, baudrate=baud, timeout=0, write_timeout=0)
        except (serial.SerialException, ValueError, OSError) as error:
            raise LinkError(
                f"cannot open {port}: {error}",
                "Check the name (`pio device list`), the cable, and that no monitor holds it.",
            ) from error
        self._failures = (serial.SerialException, OSError)

    def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
        """See ``Link.transfer``."""
        while True:
            try:
                taken = int(self._serial.write(outgoing[:_SERIAL_CHUNK]) or 0) if outgoing else 0
                data = bytes(self._serial.read(_CHUNK))
            except self._failures as error:
                raise LinkError(f"{self._port} is gone: {error}") from error
            if taken or data or time.monotonic() >= deadline:
                return taken, data
            # pyserial waits for one direction only, and its URLs have nothing to select on.
            time.sleep(_SERIAL_POLL)

    def close(self) -> None:
        """See ``Link.close``."""
        self._serial.close()
