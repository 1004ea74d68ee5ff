"""Boards, PlatformIO, and the sizes of what it builds."""
