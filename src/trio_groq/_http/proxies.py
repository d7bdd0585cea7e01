"""Which proxy leads to which origin, sans-IO: proxy URLs, the environment, and exceptions.

The names and habits of the environment are those of curl and of Python's own urllib: lower case
goes before upper case, `HTTP_PROXY` is not believed in a CGI process (there it is a request's
`Proxy` header), an entry of `NO_PROXY` stands for a domain and all below it. As in Go, loopback
hosts are never reached through a proxy that only the environment names.

A proxy's user and password are for the proxy alone. No error, no `repr` and no pickle has them.
"""

# ruff: noqa: PLC0415 (most programs have no proxy, and need nothing to be exempt from it)

import base64
import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, final
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

import msgspec

from trio_groq._http.messages import Origin, has_control
from trio_groq.errors import ConfigurationError

if TYPE_CHECKING:
    from trio_groq._http.proxy_exemptions import Exemption

__all__ = [
    "Credentials",
    "Proxy",
    "ProxyOption",
    "ProxySettings",
    "as_proxy",
    "proxy_variable",
]

DEFAULT_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""By scheme; 1080 is the port of SOCKS (RFC 1928, 3)."""
MAX_SOCKS_CREDENTIAL: Final = 255
"""Bytes of a user or a password (RFC 1929, 2: the length is one byte)."""
_SCHEMES: Final = "http, https, socks5 or socks5h"
_LOOPBACK: Final = "localhost,127.0.0.0/8,::1"

_HOST_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?").fullmatch
_MAX_HOST: Final = 253  # RFC 1035, 2.3.4, without the final dot


@final
class Credentials:
    """User and password for a proxy: shown nowhere, and never pickled.

    Args:
        user: As it is sent, percent-encoding undone.
        password: Likewise; empty for none.
    """

    __slots__ = ("_password", "_user")

    def __init__(self, user: bytes, password: bytes) -> None:
        self._user = user
        self._password = password

    def basic(self) -> bytes:
        """Value of `Proxy-Authorization` (RFC 7617, 2)."""
        return b"Basic " + base64.b64encode(b"%b:%b" % (self._user, self._password))

    def reveal(self) -> tuple[bytes, bytes]:
        """User and password."""
        return self._user, self._password

    def __repr__(self) -> str:
        return "<Credentials ...>"

    def __eq__(self, other: object) -> bool:
        return self.reveal() == other.reveal() if isinstance(other, Credentials) else NotImplemented

    def __hash__(self) -> int:
        return hash((Credentials, *self.reveal()))

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be pickled: a pickle is plain text."""
        raise TypeError("Credentials: expected never to be pickled, got a pickle's request")


@final
class Proxy:
    """Through which host connections go. Made by `as_proxy`, and not changed afterwards.

    No attrs class: what is made of its fields one by one would have the password among them.

    Attributes:
        scheme: `http` or `https` (how it is itself spoken to), `socks5` or `socks5h`. With either
            of the last two it is the proxy that resolves the origin's name.
        host: Lower-case name, or address without brackets.
        port: 1 to 65535.
        credentials: User and password, None for none.
    """

    __slots__ = ("credentials", "host", "port", "scheme")

    def __init__(
        self, scheme: str, host: str, port: int, credentials: Credentials | None = None
    ) -> None:
        self.scheme: Final = scheme
        self.host: Final = host
        self.port: Final = port
        self.credentials: Final = credentials

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS, and not HTTP."""
        return self.scheme.startswith("socks")

    def _key(self) -> tuple[object, ...]:
        return self.scheme, self.host, self.port, self.credentials

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Proxy) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __repr__(self) -> str:
        return f"<Proxy {self}>"


ProxyOption: TypeAlias = Proxy | str | None
"""A proxy, or its URL; None for none in particular."""


def as_proxy(option: ProxyOption, *, source: str = "proxy") -> Proxy | None:
    """The proxy that an option means: a URL, without a scheme an `http` one.

    Args:
        option: Such as `http://user:password@proxy.test:3128`.
        source: What it is, for errors.

    Raises:
        ConfigurationError: It is no such URL. Nothing of it is shown but its scheme: what is wrong
            may well be a password that was not percent-encoded.
    """
    if option is None or isinstance(option, Proxy):
        return option
    if not isinstance(option, str):
        raise ConfigurationError(f"{source}: expected a URL, got {type(option).__name__}")
    text = option.strip()
    if not text.isprintable() or " " in text:
        raise ConfigurationError(
            f"{source}: expected a URL, got something with spaces or control characters in it"
        )
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = _host(parts), parts.port
    except ValueError:
        host, port, parts = "", None, None
    if parts is not None and parts.scheme not in DEFAULT_PORTS:
        raise ConfigurationError(f"{source}: expected {_SCHEMES}, got scheme {parts.scheme!r}")
    if parts is None or not host or port == 0 or parts.path.strip("/") or _is_extended(parts):
        raise ConfigurationError(
            f"{source}: expected scheme://[user:password@]host[:port], got something else; "
            "special characters in user and password are percent-encoded"
        )
    return Proxy(
        parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], _credentials(parts, source)
    )


def _is_extended(parts: SplitResult) -> bool:
    return bool(parts.query or parts.fragment)


def _host(parts: SplitResult) -> str:
    """The host, lower case, without brackets; empty if it is none."""
    host = parts.hostname or ""
    if parts.netloc.rpartition("@")[2].startswith("["):
        return str(ipaddress.IPv6Address(host))
    name = host.encode("ascii" if host.isascii() else "idna").decode("ascii").lower()
    return name if len(name) <= _MAX_HOST and _HOST_NAME(name) else ""


def _credentials(parts: SplitResult, source: str) -> Credentials | None:
    user = unquote_to_bytes(parts.username or "")
    password = unquote_to_bytes(parts.password or "")
    if not user and not password:
        return None
    if has_control(user) or has_control(password):
        raise ConfigurationError(
            f"{source}: expected no control characters in user and password, got some"
        )
    if parts.scheme.startswith("socks"):
        if not user or max(len(user), len(password)) > MAX_SOCKS_CREDENTIAL:
            raise ConfigurationError(
                f"{source}: expected a user, and at most {MAX_SOCKS_CREDENTIAL} bytes of user and "
                "of password (RFC 1929, 2), got other"
            )
    elif b":" in user:
        raise ConfigurationError(f"{source}: expected no colon in the user (RFC 7617, 2), got one")
    return Credentials(user, password)


@final
class ProxySettings(msgspec.Struct, kw_only=True, frozen=True):
    """Which proxy for which origin; by default none for any.

    Attributes:
        https: For origins over TLS.
        http: For the others.
        exemptions: What is reached without them.
    """

    https: Proxy | None = None
    http: Proxy | None = None
    exemptions: "tuple[Exemption, ...]" = ()

    @classmethod
    def all_through(cls, proxy: Proxy | None) -> "ProxySettings":
        """One proxy for every origin, loopback hosts included; None for no proxy at all."""
        return cls(https=proxy, http=proxy)

    @classmethod
    def from_env(cls, environ: Mapping[str, str], *, schemes: Iterable[str]) -> "ProxySettings":
        """What the environment says. An empty variable counts as not set.

        Args:
            environ: `https_proxy`, `http_proxy`, `all_proxy` where the one for the scheme is not
                set, `no_proxy`; each in upper case as well.
            schemes: Of the origins that there will be: what is for others is not looked at.

        Raises:
            ConfigurationError: A variable that counts is no URL of a proxy; names the variable.
        """
        found = {scheme: _proxy_of(environ, scheme) for scheme in schemes}
        if not any(found.values()):
            return cls()
        from trio_groq._http.proxy_exemptions import parse_no_proxy

        listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        return cls(
            https=found.get("https"),
            http=found.get("http"),
            exemptions=parse_no_proxy(f"{_LOOPBACK},{listed}"),
        )

    def proxy_for(self, origin: Origin) -> Proxy | None:
        """The proxy to an origin, None for a direct connection."""
        proxy = self.https if origin.scheme == "https" else self.http
        if proxy is None:
            return None
        from trio_groq._http.proxy_exemptions import is_exempt

        return None if is_exempt(origin, self.exemptions) else proxy

    @property
    def use_socks(self) -> bool:
        """Whether any proxy speaks SOCKS."""
        return any(proxy is not None and proxy.is_socks for proxy in (self.https, self.http))


def proxy_variable(environ: Mapping[str, str], scheme: str) -> str | None:
    """The variable that names the proxy for origins of a scheme; None if none does."""
    for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY"):
        if name == "HTTP_PROXY" and "REQUEST_METHOD" in environ:
            continue  # any client of this CGI process can set it
        if environ.get(name, "").strip():
            return name
    return None


def _proxy_of(environ: Mapping[str, str], scheme: str) -> Proxy | None:
    name = proxy_variable(environ, scheme)
    return None if name is None else as_proxy(environ[name], source=name)
