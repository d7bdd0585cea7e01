"""Requests as bytes: h11 writes each head once, and calls that differ in their bodies share it."""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias, final

import h11

from trio_groq._http.messages import Origin, Request, check_field
from trio_groq._http.proxies import Proxy
from trio_groq.errors import InvalidRequestError

__all__ = ["RequestEncoder"]

_OWN_FIELDS: Final = frozenset(
    {b"content-length", b"host", b"proxy-authorization", b"transfer-encoding"}
)
"""Fields that say what the engine decides: two of them could be read in two ways, and what is for
a proxy is no origin's business."""

Forwards: TypeAlias = Callable[[Origin], Proxy | None]
"""The proxy that an origin's requests are sent to as they are, None for none; see `Dialer`."""


def _check_fields(fields: Iterable[tuple[bytes, bytes]]) -> None:
    for name, value in fields:
        check_field(name, value)
        if name.lower() in _OWN_FIELDS:
            shown = name.decode("ascii")
            raise InvalidRequestError(
                f"header {shown}: expected it to be left to the engine, got a value", path=shown
            )


def _directly(_origin: Origin) -> None:
    return None


def _write_head(request: Request, proxy: Proxy | None) -> bytes | None:
    """Have h11 write a head; None if it refuses.

    Its error shows header values, and so might show the key: nothing of it is passed on.
    """
    target = request.target
    fields = [(b"Host", request.origin.authority.encode("ascii")), *request.headers]
    if proxy is not None:
        from trio_groq._http.tunnel import proxy_fields  # noqa: PLC0415 (most have no proxy)

        target = str(request.origin).encode("ascii") + target  # RFC 9112, 3.2.2
        fields += proxy_fields(proxy)
    try:
        return h11.Connection(h11.CLIENT).send(
            h11.Request(method=request.method, target=target, headers=fields)
        )
    except h11.LocalProtocolError:
        return None


@final
class RequestEncoder:
    """Requests as bytes. The heads of calls that differ in their bodies only are written once.

    Args:
        max_heads: Heads remembered; when there are more, all are forgotten. A client has one or
            two for each resource and key.
        forwards: Which origins' requests go to a proxy: their target is in absolute form, and the
            proxy's credentials are with them.
    """

    def __init__(self, max_heads: int = 64, *, forwards: Forwards = _directly) -> None:
        self._max_heads = max_heads
        self._forwards = forwards
        self._heads: dict[object, bytes] = {}

    def encode(self, request: Request) -> bytes:
        """The request as bytes, head and body in one, so that one send carries both.

        A body that is not in memory is left out: it follows.

        Raises:
            InvalidRequestError: A header would break the request; shows no value of one.
        """
        body = request.body
        if not isinstance(body, bytes):
            # Not remembered: a form has a boundary of its own, and so a head of its own.
            return b"%bContent-Length: %d\r\n\r\n" % (self._encode_head(request), body.length)
        key = (request.method, request.target, request.origin, request.headers)
        head = self._heads.get(key)
        if head is None:
            head = self._encode_head(request)
            if len(self._heads) >= self._max_heads:
                self._heads.clear()
            self._heads[key] = head
        if body or request.method in (b"POST", b"PUT", b"PATCH"):
            return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
        return head + b"\r\n"

    def _encode_head(self, request: Request) -> bytes:
        _check_fields(request.headers)
        head = _write_head(request, self._forwards(request.origin))
        if head is None:
            raise InvalidRequestError(
                f"request head: expected valid HTTP/1.1, got method {request.method!r} "
                f"and target {request.target!r} with headers that h11 refuses"
            )
        return head.removesuffix(b"\r\n")
