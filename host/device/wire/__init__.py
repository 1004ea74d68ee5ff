"""The protocol between host and device, pure: no I/O here."""
