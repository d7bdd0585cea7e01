"""A way through a SOCKS5 proxy, sans-IO (RFC 1928, RFC 1929).

`socksio` writes and reads the messages; where one ends is found here, because it takes whole ones
only, and a socket gives them in any pieces.
"""

import importlib
from types import ModuleType
from typing import Any, Final, final

from trio_groq._http.messages import Origin
from trio_groq._http.negotiation import refused
from trio_groq._http.proxies import Proxy
from trio_groq.errors import APIConnectionError, ConfigurationError, ProtocolError

__all__ = ["Socks5", "require_socksio"]

_VERSION: Final = 5
_SUBNEGOTIATION_VERSION: Final = 1  # RFC 1929, 2
_REPLY_HEAD: Final = 5
"""Version, reply, reserved, type of address, and the first byte of the address: enough to know how
long the reply is."""
_ADDRESS_BYTES: Final = {1: 4, 4: 16}
_DOMAIN: Final = 3
_HTTP: Final = b"HTTP/"

_REPLIES: Final = {
    1: "a general failure",
    2: "no permission by its rules",
    3: "that the network is unreachable",
    4: "that the host is unreachable",
    5: "that the connection was refused",
    6: "that the time to live has expired",
    7: "that it does not know the command",
    8: "that it does not know the kind of address",
}
"""RFC 1928, 6."""
_NEVER: Final = frozenset({2, 7, 8})
"""Replies that will be the same next time."""


def require_socksio() -> ModuleType:
    """The module that speaks SOCKS5.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        return importlib.import_module("socksio.socks5")
    except ImportError:
        raise ConfigurationError(
            "proxy: expected the package socksio for a SOCKS proxy, got none; "
            "`pip install 'trio-groq[socks]'` brings it"
        ) from None


@final
class Socks5:
    """Asks a SOCKS5 proxy to connect to an origin, whose name it resolves; see `Negotiation`.

    Args:
        proxy: Who is asked.
        origin: Where to.

    Raises:
        ConfigurationError: `socksio` is not installed.
    """

    def __init__(self, proxy: Proxy, origin: Origin) -> None:
        self.done: bool = False
        self._proxy = proxy
        self._origin = origin
        self._messages: Any = require_socksio()
        self._talk: Any = self._messages.SOCKS5Connection()
        self._received = b""

    def opening(self) -> bytes:
        """See `Negotiation`."""
        method = self._messages.SOCKS5AuthMethod
        offered = [method.NO_AUTH_REQUIRED]
        if self._proxy.credentials is not None:
            offered.append(method.USERNAME_PASSWORD)
        return self._say(self._messages.SOCKS5AuthMethodsRequest(offered))

    def receive(self, data: bytes) -> bytes:
        """See `Negotiation`."""
        self._received += data
        if self._received.startswith(_HTTP[: len(self._received)]):
            # No version of SOCKS is an H. An HTTP proxy takes what it was sent for a bad request.
            raise self._speaks_http()
        state = self._messages.SOCKS5State
        if self._talk.state == state.CLIENT_AUTHENTICATED:
            length = self._reply_length()
            step = self._take_reply
        else:
            length = 2
            choosing = self._talk.state == state.SERVER_AUTH_REPLY
            step = self._take_method if choosing else self._take_verdict
        if len(self._received) < length:
            return b""
        if len(self._received) > length:  # it has been asked for nothing more yet
            raise self._broken(f"a message of {length} bytes", "more")
        message, self._received = self._received, b""
        return step(message)

    def _take_method(self, message: bytes) -> bytes:
        if message[0] != _VERSION:
            raise self._broken("SOCKS version 5", str(message[0]))
        method = message[1]
        if method == 0:
            self._read(message)
            return self._ask()
        credentials = self._proxy.credentials
        if method == 2 and credentials is not None:  # noqa: PLR2004 (user and password)
            self._read(message)
            return self._say(self._messages.SOCKS5UsernamePasswordRequest(*credentials.reveal()))
        raise self._refused(
            "no way to authenticate that both have", retryable=False, credentials=True
        )

    def _take_verdict(self, message: bytes) -> bytes:
        if message[0] != _SUBNEGOTIATION_VERSION:
            raise self._broken("version 1 of user and password", str(message[0]))
        if message[1] != 0:
            raise self._refused("that user or password is wrong", retryable=False, credentials=True)
        self._read(message)
        return self._ask()

    def _ask(self) -> bytes:
        command = self._messages.SOCKS5Command.CONNECT
        host = self._origin.host.encode("ascii")
        request = self._messages.SOCKS5CommandRequest
        return self._say(request.from_address(command, (host, self._origin.port)))

    def _reply_length(self) -> int:
        if len(self._received) < _REPLY_HEAD:
            return _REPLY_HEAD
        kind, first = self._received[3], self._received[4]
        if kind == _DOMAIN:
            return 4 + 1 + first + 2
        if kind not in _ADDRESS_BYTES:
            raise self._broken("an address of type 1, 3 or 4", str(kind))
        return 4 + _ADDRESS_BYTES[kind] + 2

    def _take_reply(self, message: bytes) -> bytes:
        # Read here, as socksio takes a bound address that is a name for something else.
        if message[0] != _VERSION:
            raise self._broken("SOCKS version 5", str(message[0]))
        reply = message[1]
        if reply != 0:
            said = _REPLIES.get(reply, f"reply {reply}")
            raise self._refused(said, retryable=reply not in _NEVER)
        self.done = True
        return b""

    def _say(self, message: object) -> bytes:
        self._talk.send(message)
        sent: bytes = self._talk.data_to_send()
        return sent

    def _read(self, message: bytes) -> None:
        self._talk.receive_data(message)

    def _refused(
        self, said: str, *, retryable: bool, credentials: bool = False
    ) -> APIConnectionError:
        return refused(
            self._proxy, self._origin, said, retryable=retryable, credentials=credentials
        )

    def _speaks_http(self) -> ProtocolError:
        error = self._broken("SOCKS version 5", "an answer in HTTP")
        error.is_retryable = False
        error.add_note("It is no SOCKS proxy: begin its URL with http://.")
        return error

    def _broken(self, expected: str, got: str) -> ProtocolError:
        return ProtocolError(f"proxy {self._proxy}: expected {expected}, got {got}")
