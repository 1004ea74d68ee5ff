"""The device at the other end of a link: bytes, frames, requests, sessions."""
