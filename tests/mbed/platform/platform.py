"""A miniature of PlatformIO's platforms for ArduinoCore-mbed. The compiler is the system's."""

from platformio.public import PlatformBase


class Mbed_miniaturePlatform(PlatformBase):  # type: ignore[misc]  # noqa: N801  PlatformIO wants it
    """Nothing that differs from others."""

    def is_embedded(self) -> bool:
        return True
