"""A development platform that brings no packages: the compilers are the system's own."""

from platformio.public import PlatformBase


class EmulatedPlatform(PlatformBase):
    """PlatformIO finds the class by its name: the platform's name and `Platform`."""

    def is_embedded(self) -> bool:
        """Firmware, not a desktop program."""
        return True
