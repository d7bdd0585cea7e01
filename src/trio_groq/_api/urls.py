"""Base URLs: what a client may be pointed at, and how paths are joined to it."""

import re
import socket
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

import msgspec

from trio_groq._http.messages import Origin
from trio_groq.errors import ConfigurationError, InvalidRequestError

__all__ = ["DEFAULT_BASE_URL", "BaseURL", "parse_base_url"]

DEFAULT_BASE_URL: Final = "https://api.groq.com"
_API_PATH: Final = "/openai/v1"
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
MAX_HOST: Final = 253  # RFC 1035, 2.3.4, without the final dot
_HOST_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?").fullmatch
_IPV6: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d*)?").fullmatch
_PORT: Final = re.compile(r".*:\d*").fullmatch
_BEHIND_PATH: Final = re.compile(r"([?#]).*", re.DOTALL)
_SAFE_IN_PATH: Final = "/%:@!$&'()*+,;=~-._"  # RFC 3986, 3.3


def _quoted(text: str, what: str, safe: str = "") -> str:
    """Percent-encode text, all but `safe`."""
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError:
        pass
    raise InvalidRequestError(
        f"{what}: expected Unicode text, got a lone surrogate in {text!r}", path=what, value=text
    )


class BaseURL(msgspec.Struct, frozen=True):
    """Where the API is.

    Attributes:
        origin: Scheme, host and port.
        prefix: Path before the API's own paths, without a slash at its end; empty for Groq.
    """

    origin: Origin
    prefix: str = ""

    def target(self, path: str, query: dict[str, str]) -> bytes:
        """The request target of an API path such as `/openai/v1/models`.

        Raises:
            InvalidRequestError: The path does not begin with a slash, or has a query or fragment.
        """
        if not isinstance(path, str) or not path.startswith("/") or "?" in path or "#" in path:
            raise InvalidRequestError(
                f"path: expected an absolute path without query, got {path!r}",
                path="path",
                value=path,
            )
        target = _quoted(self.prefix + path, "path", _SAFE_IN_PATH)
        if query:
            pairs = [
                f"{_quoted(name, name)}={_quoted(value, name)}" for name, value in query.items()
            ]
            target = f"{target}?{'&'.join(pairs)}"
        return target.encode("ascii")

    def __str__(self) -> str:
        return f"{self.origin}{self.prefix}"


def _is_loopback(host: str) -> bool:
    numbers = host.split(".")
    is_ipv4 = len(numbers) == 4 and all(number.isdecimal() for number in numbers)  # noqa: PLR2004
    # RFC 1122, 3.2.1.3; names below `localhost` are not taken: some resolvers ask the network.
    return host in ("localhost", "::1") or (is_ipv4 and numbers[0] == "127")


def _checked_host(netloc: str, shown: str) -> str:
    """The host of an authority without user: a name as DNS has it, IPv4, or IPv6 in brackets."""
    if (match := _IPV6(netloc)) is not None:
        try:
            socket.inet_pton(socket.AF_INET6, match[1])
        except OSError:
            raise ConfigurationError(f"base_url: expected an IPv6 address, got {shown}") from None
        return match[1].lower()
    host = netloc.rpartition(":")[0] or netloc if _PORT(netloc) else netloc
    try:
        name = host.encode("ascii" if host.isascii() else "idna").decode("ascii").lower()
    except UnicodeError:
        name = ""
    if len(name) > MAX_HOST or not _HOST_NAME(name):
        raise ConfigurationError(f"base_url: expected a host name, got {shown}")
    return name


def parse_base_url(url: str, *, allow_plaintext: bool = False) -> BaseURL:
    """Check a base URL; it may end with `/openai/v1` or not, both mean the same.

    Args:
        url: `https`; `http` for loopback hosts.
        allow_plaintext: Allow `http` for every host: the key then crosses the network readably.

    Raises:
        ConfigurationError: Anything else, without I/O; a password in the URL is not shown.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"base_url: expected text, got {type(url).__name__}")
    parts: SplitResult | None
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:  # whose text has parts of the URL, so it is no context of ours
        parts, port = None, None
    if parts is None:
        raise ConfigurationError(
            "base_url: expected https://host[:port][/path], got something that is no URL"
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url: expected no user and password in it, got some")
    shown = repr(_BEHIND_PATH.sub(r"\1***", url))  # a query may have a key in it
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ConfigurationError(f"base_url: expected https://host[:port][/path], got {shown}")
    if parts.query or parts.fragment:
        raise ConfigurationError(f"base_url: expected no query and no fragment, got {shown}")
    if any(char in url.strip() for char in "\t\r\n"):  # `urlsplit` takes them out in silence
        raise ConfigurationError(f"base_url: expected no line ends and tabs, got {shown}")
    if not parts.path.isascii() or any(char <= " " for char in parts.path):
        raise ConfigurationError(f"base_url: expected a path of visible ASCII, got {shown}")
    host = _checked_host(parts.netloc, shown)
    if parts.scheme == "http" and not allow_plaintext and not _is_loopback(host):
        raise ConfigurationError(
            f"base_url: expected https, got {shown}; http is for loopback hosts, elsewhere it "
            "needs allow_plaintext=True"
        )
    if port == 0:
        raise ConfigurationError(f"base_url: expected a port from 1 to 65535, got {shown}")
    prefix = parts.path.rstrip("/").removesuffix(_API_PATH).rstrip("/")
    return BaseURL(Origin(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme]), prefix)
