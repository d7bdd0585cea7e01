"""What a proxy has to be told before bytes go through it: one interface, sans-IO.

`tunnel` has the HTTP one, `socks` the other; `dial` sends and receives.
"""

from typing import Final, Protocol

from trio_groq._http.messages import Origin
from trio_groq._http.proxies import Proxy
from trio_groq.errors import APIConnectionError

__all__ = ["Negotiation", "refused"]

_CHECK_CREDENTIALS: Final = (
    "Check the user and the password in the proxy's URL; special characters in them are "
    "percent-encoded."
)


class Negotiation(Protocol):
    """A talk with a proxy, up to the moment when it leads to the origin.

    Attributes:
        done: The next byte is the origin's.
    """

    done: bool

    def opening(self) -> bytes:
        """What is sent first."""

    def receive(self, data: bytes) -> bytes:
        """Take what has come, and return what to send next; empty for nothing.

        Raises:
            APIConnectionError: The proxy refuses. `ProtocolError`: it does not make sense.
        """


def refused(
    proxy: Proxy, origin: Origin, got: str, *, retryable: bool, credentials: bool = False
) -> APIConnectionError:
    """The error for a proxy that does not let us through.

    Args:
        proxy: Who; shown without user and password.
        origin: Where to.
        got: What it said.
        retryable: Whether it may say something else later.
        credentials: Whether user and password, or their lack, are at fault.
    """
    error = APIConnectionError(f"proxy {proxy}: expected a way to {origin}, got {got}")
    error.is_retryable = retryable
    if credentials:
        error.add_note(
            "The proxy wants a user and a password: put them into its URL, "
            "scheme://user:password@host:port."
            if proxy.credentials is None
            else _CHECK_CREDENTIALS
        )
    return error
