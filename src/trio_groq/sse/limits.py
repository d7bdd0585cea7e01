"""What one event may make the parser hold; apart from it, for who only passes the limit on."""

from typing import Final

__all__ = ["DEFAULT_MAX_EVENT_BYTES"]

DEFAULT_MAX_EVENT_BYTES: Final = 16 * 1024 * 1024
"""A chunk of a completion has some 300 bytes. An event that carries an image in base64, the output
of an executed tool or a whole answer has a few MiB. This is room for the largest of them, and
little enough that a peer which never ends its event cannot fill the memory."""
