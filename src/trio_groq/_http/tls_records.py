"""Receiving over TLS: every record that is there, and no look for one that is not.

OpenSSL gives one record a call, and a token is a record. To ask it for another one that has not
come costs more than receiving and decoding a token: it ends in an exception, which is made with
much ceremony. The kernel is asked first, for a tenth of that, where it can tell.
"""

import sys
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias, final

__all__ = ["Secured", "TLSRecords", "kernel_look"]

if sys.platform != "win32":
    from fcntl import ioctl
    from termios import FIONREAD

_Look: TypeAlias = Callable[[], bool]
_EMPTY: Final = bytes(4)
"""No bytes, as the system writes that number (a C int)."""


class Secured(Protocol):
    """A TLS socket, non-blocking."""

    def recv_into(self, buffer: memoryview, /) -> int:
        """Decrypted bytes of one record, or the rest of them; 0 at the end."""
        ...

    def pending(self) -> int:
        """Decrypted bytes that were left behind."""
        ...


def kernel_look(fd: int) -> _Look:
    """Whether the kernel holds bytes that have come on a socket: a function that looks.

    An end of the connection is no byte. Where the system cannot be asked the function always says
    yes: then to receive is the way to find out.
    """
    if sys.platform == "win32":
        return lambda: True
    number = bytearray(_EMPTY)

    def look() -> bool:
        ioctl(fd, FIONREAD, number)
        return number != _EMPTY

    return look


@final
class TLSRecords:
    """Receives from a TLS socket: all records that are there, up to the buffer's size.

    Records that OpenSSL has taken in already are invisible to the kernel's readiness, so none may
    be left behind; and an end or an error that is found behind data is held back until the data
    has been given out.

    Args:
        sock: Where they come from.
        not_yet: What it raises when no whole record is there.
        may_have_more: Whether there may be more after a whole record: asked before each look.
        keep_session: Called once, with the first data: a server that wants its session to be
            taken up again has said how before that (RFC 8446, 4.6.1).
    """

    __slots__ = ("_full", "_held", "_keep_session", "_may_have_more", "_not_yet", "_sock")

    def __init__(
        self,
        sock: Secured,
        not_yet: tuple[type[OSError], ...],
        may_have_more: _Look,
        keep_session: Callable[[], None],
    ) -> None:
        self._sock = sock
        self._not_yet = not_yet
        self._may_have_more = may_have_more
        self._keep_session: Callable[[], None] | None = keep_session
        self._held: int | OSError | None = None
        self._full = False

    def pending(self) -> bool:
        """Whether something is held back, or was left behind by a full buffer."""
        return self._held is not None or (self._full and self._sock.pending() > 0)

    def receive(self, buffer: memoryview) -> int:
        """As `socket.recv_into`."""
        held, self._held = self._held, None
        if isinstance(held, OSError):
            raise held
        received = self._sock.recv_into(buffer) if held is None else held
        if received == 0:
            return 0
        if self._keep_session is not None:
            self._keep_session()
            self._keep_session = None
        try:
            while received < len(buffer) and self._may_have_more():
                more = self._sock.recv_into(buffer[received:])
                if more == 0:
                    self._held = 0
                    break
                received += more
        except self._not_yet:
            pass  # that was all
        except OSError as exc:
            self._held = exc
        self._full = received == len(buffer)
        return received
