"""The records that travel between the engine's parts: origins, heads and headers.

A *span* is how received bytes are handed up without a copy: a buffer and the range in
it that counts. (A memoryview would do as well, were it possible to search one without copying.)
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

import msgspec

from trio_groq._http.bodies import Body
from trio_groq.errors import InvalidRequestError

__all__ = [
    "Headers",
    "Origin",
    "Request",
    "ResponseHead",
    "Span",
    "check_field",
    "has_control",
    "show_body",
]

_IS_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch  # RFC 9110, 5.6.2
has_control: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search
"""Finds what no field value may contain (RFC 9110, 5.5): control characters except TAB."""

Span: TypeAlias = tuple[bytes | bytearray, int, int]
"""(buffer, start, end): the bytes `buffer[start:end]`, valid until the next await."""


def check_field(name: bytes, value: bytes) -> None:
    """Refuse a header field that would break a request; the value is not shown, it may be a key.

    Raises:
        InvalidRequestError: The name is no token, or the value has control characters.
    """
    if not _IS_TOKEN(name):
        raise InvalidRequestError(f"header name: expected a token (RFC 9110, 5.6.2), got {name!r}")
    if has_control(value):
        shown = name.decode("ascii")
        raise InvalidRequestError(
            f"header {shown}: expected no control characters in its value, got some", path=shown
        )


class Headers(Mapping[str, str]):
    """Header fields as they came: case-insensitive, in order, repeated ones kept apart.

    As a mapping, a repeated field is its values joined by ", " (RFC 9110, 5.3); `get_all` keeps
    them apart, which `set-cookie` needs. Values are decoded as Latin-1, which loses nothing.

    Args:
        raw: Name (lower case) and value of each field, in the order of arrival.
    """

    __slots__ = ("_by_name", "_repeating")

    def __init__(self, raw: Iterable[tuple[bytes, bytes]] = ()) -> None:
        fields = tuple(raw)
        self._by_name = dict(fields)
        # Nearly always no name comes twice, and one table is all that is kept.
        self._repeating = fields if len(self._by_name) < len(fields) else None

    @property
    def raw(self) -> tuple[tuple[bytes, bytes], ...]:
        """Name (lower case) and value of each field, in the order of arrival."""
        return self._repeating or tuple(self._by_name.items())

    def find(self, name: bytes) -> bytes | None:
        """The field as it came, the values of a repeated one joined by ", "; None without one.

        Args:
            name: Lower case.
        """
        if self._repeating is None:
            return self._by_name.get(name)
        return b", ".join(self.find_all(name)) if name in self._by_name else None

    def find_all(self, name: bytes) -> list[bytes]:
        """Every value of the field as it came, in the order of arrival.

        Args:
            name: Lower case.
        """
        if self._repeating is None:
            value = self._by_name.get(name)
            return [] if value is None else [value]
        return [value for field, value in self._repeating if field == name]

    def __getitem__(self, name: str) -> str:
        value = self.find(name.lower().encode("latin-1", "replace"))
        if value is None:
            raise KeyError(name)
        return value.decode("latin-1")

    def get_all(self, name: str) -> list[str]:
        """Every value of the field, in the order of arrival; empty when there is none."""
        values = self.find_all(name.lower().encode("latin-1", "replace"))
        return [value.decode("latin-1") for value in values]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower().encode("latin-1", "replace") in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter([name.decode("latin-1") for name in self._by_name])

    def __len__(self) -> int:
        return len(self._by_name)

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, Headers) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        names = ", ".join(self)
        return f"<Headers {names}>"


class Origin(msgspec.Struct, frozen=True, cache_hash=True):  # looked up often in each call
    """Where a request goes (RFC 6454): connections are shared within an origin, never across.

    Attributes:
        scheme: `https` or `http`.
        host: Lower-case name, or address without brackets.
        port: 1 to 65535.
    """

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The `Host` header: port left out when it is the scheme's default, IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def show_body(body: bytes | Body) -> str:
    """What a `repr` shows of a body."""
    return f"<{len(body) if isinstance(body, bytes) else body.length} bytes>"


class Request(msgspec.Struct, frozen=True):
    """One request as the engine sends it.

    Attributes:
        origin: Where it goes.
        method: Upper case, such as `b"POST"`.
        target: Path and query in origin form, such as `b"/openai/v1/models"`.
        headers: Name and value of each field but `Host` and `Content-Length`, which the engine
            adds. Shown in no `repr`: `Authorization` is among them.
        body: The content, empty for none; what is not in memory is read while it is sent.
    """

    origin: Origin
    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes | Body = b""

    def __repr__(self) -> str:
        shown = f"{self.origin!r}, {self.method!r}, {self.target!r}, body={show_body(self.body)}"
        return f"Request({shown})"


class ResponseHead(msgspec.Struct, frozen=True):
    """Status line and header fields of a final response.

    Attributes:
        status: 200 to 599.
        headers: Header fields.
        http_version: `1.1` or `1.0`.
    """

    status: int
    headers: Headers
    http_version: str = "1.1"
