"""Parameters -> a request's head and body."""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias, final

import msgspec

from trio_groq._api.auth import Secret
from trio_groq._api.urls import BaseURL
from trio_groq._http.bodies import Body
from trio_groq._http.content_coding import accepted_codings
from trio_groq._http.messages import Request, check_field, show_body
from trio_groq._version import __version__
from trio_groq.errors import InvalidRequestError, RequestInfo

__all__ = [
    "Call",
    "HeaderOptions",
    "QueryOptions",
    "RequestBuilder",
    "encode_headers",
    "join_query",
]

HeaderOptions: TypeAlias = Mapping[str, str | None]
"""Header fields to add; None takes a default one away."""
QueryOptions: TypeAlias = Mapping[str, object]
"""Query parameters to add: text, numbers, booleans; None takes a default one away."""

Fields: TypeAlias = tuple[tuple[bytes, bytes], ...]

USER_AGENT: Final = f"trio-groq/{__version__}"
JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"

MAX_SHARED: Final = 64
"""Kinds of requests remembered for one client: one or two a resource, times the keys in use."""
_BEYOND_LATIN_1: Final = re.compile("[^\x00-\xff]").search
_OWN_TO_THE_ENGINE: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "proxy-authorization",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)


class Call(msgspec.Struct, kw_only=True, frozen=True):
    """What is asked of the API, before it is known where and as whom.

    Attributes:
        method: Upper case.
        path: Absolute path of the API, such as `/openai/v1/chat/completions`.
        body: The content, empty for none; what is not in memory is read while it is sent.
        content_type: Its media type, None for none.
        accept: The media type wanted back.
        headers: The caller's extra header fields.
        query: The caller's extra query parameters.
        model: Whose rate limits it falls under; empty for none.
        max_tokens: Most tokens of the answer, None where that is not said.
    """

    method: str
    path: str
    body: bytes | Body = b""
    content_type: str | None = None
    accept: str = JSON
    headers: HeaderOptions = msgspec.field(default_factory=dict)
    query: QueryOptions = msgspec.field(default_factory=dict)
    model: str = ""
    max_tokens: int | None = None

    def __repr__(self) -> str:
        shown = f"method={self.method!r}, path={self.path!r}, body={show_body(self.body)}"
        return f"Call({shown}, model={self.model!r})"


def _encode_header(name: str, value: str) -> tuple[bytes, bytes]:
    """Check one field; no message shows a value, which may be a key."""
    if name.lower() in _OWN_TO_THE_ENGINE:
        raise InvalidRequestError(
            f"header {name}: expected it to be left to the client, got a value", path=name
        )
    if _BEYOND_LATIN_1(name) or _BEYOND_LATIN_1(value):
        raise InvalidRequestError(
            f"header {name!r}: expected Latin-1 characters, got others", path=name
        )
    field = name.encode("latin-1"), value.strip(" \t").encode("latin-1")
    check_field(*field)
    return field


def encode_headers(*layers: HeaderOptions) -> Fields:
    """Join layers of header fields, later ones first in rank, and check every field.

    Names are compared without case; a None takes away what an earlier layer set.

    Raises:
        InvalidRequestError: A name is no token, a value has control characters or non-Latin-1
            text, or the field belongs to the engine (`Host`, `Content-Length`, `Connection`, ...).
    """
    fields: dict[str, tuple[bytes, bytes] | None] = {}
    for layer in layers:
        if not isinstance(layer, Mapping):
            raise InvalidRequestError(f"headers: expected a mapping, got {type(layer).__name__}")
        for name, value in layer.items():
            if not isinstance(name, str) or not isinstance(value, str | None):
                got = f"{type(name).__name__}: {type(value).__name__}"
                raise InvalidRequestError(f"header {name!r}: expected text: text, got {got}")
            fields[name.lower()] = None if value is None else _encode_header(name, value)
    return tuple(field for field in fields.values() if field is not None)


def _has_own_key(*layers: HeaderOptions) -> bool:
    """Whether a layer says what is sent as `Authorization`; None says that nothing is."""
    return any(name.lower() == "authorization" for layer in layers for name in layer)


def _with_key(fields: Fields, key: Secret) -> Fields:
    return (*fields, (b"Authorization", f"Bearer {key.reveal()}".encode("ascii")))


def _query_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise InvalidRequestError(
        f"query {name}: expected text, a number or a boolean, got {type(value).__name__}",
        path=name,
        value=value,
    )


def join_query(*layers: QueryOptions) -> dict[str, str]:
    """Join layers of query parameters, later ones first in rank; a None takes one away.

    Raises:
        InvalidRequestError: A name is no text, or a value neither text, number nor boolean.
    """
    joined: dict[str, object] = {}
    for layer in layers:
        if not isinstance(layer, Mapping) or not all(isinstance(name, str) for name in layer):
            raise InvalidRequestError("query: expected a mapping with text as its keys, got other")
        joined.update(layer)
    return {name: _query_text(name, value) for name, value in joined.items() if value is not None}


@final
class RequestBuilder:
    """Makes requests of calls: where they go, and what all of them have.

    What calls to one resource share is made once: target and header fields of a call that brings
    no options of its own, and no form, each of which has a type of its own.

    Args:
        base: Where the API is.
        default_headers: Header fields of every request.
        default_query: Query parameters of every request.
    """

    def __init__(
        self, base: BaseURL, default_headers: HeaderOptions, default_query: QueryOptions
    ) -> None:
        self.base: Final = base
        self._default_headers = default_headers
        self._default_query = default_query
        self._shared: dict[object, Request] = {}
        self._described: dict[tuple[str, str], RequestInfo] = {}

    def build(self, call: Call, key: Secret, retries: int = 0) -> Request:
        """The request that makes a call with a key.

        Args:
            call: What is asked.
            key: As whom.
            retries: How many attempts of it failed before; the server is told, as the official
                SDK tells it.

        Raises:
            InvalidRequestError: A header or query option, or the path, is not valid.
        """
        if call.headers or call.query or not isinstance(call.body, bytes):
            return self._build(call, key, retries, call.body)
        kind = (call.method, call.path, call.accept, call.content_type, key, retries)
        shared = self._shared.get(kind)
        if shared is None:
            if len(self._shared) >= MAX_SHARED:
                self._shared.clear()
            shared = self._shared[kind] = self._build(call, key, retries, b"")
        return Request(shared.origin, shared.method, shared.target, shared.headers, call.body)

    def describe(self, call: Call) -> RequestInfo:
        """What an error tells of the request that makes a call."""
        kind = call.method, call.path
        info = self._described.get(kind)
        if info is None:
            if len(self._described) >= MAX_SHARED:
                self._described.clear()
            info = self._described[kind] = RequestInfo(call.method, f"{self.base}{call.path}")
        return info

    def _build(self, call: Call, key: Secret, retries: int, body: bytes | Body) -> Request:
        own: dict[str, str | None] = {
            "User-Agent": USER_AGENT,
            "Accept": call.accept,
            # A compressor may hold back what it has until it has enough, and a token cannot wait;
            # audio is compressed already. Whatever the server sends, the engine decodes.
            "Accept-Encoding": accepted_codings() if call.accept == JSON else "identity",
            "Content-Type": call.content_type,
            "X-Stainless-Retry-Count": str(retries),
        }
        fields = encode_headers(own, self._default_headers, call.headers)
        is_given = _has_own_key(self._default_headers, call.headers)
        return Request(
            origin=self.base.origin,
            method=call.method.encode("ascii"),
            target=self.base.target(call.path, join_query(self._default_query, call.query)),
            # The key comes in last: no frame that an error's traceback shows has it as a local.
            headers=fields if is_given else _with_key(fields, key),
            body=body,
        )
