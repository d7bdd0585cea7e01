"""Redirects, sans-IO: followed within an origin, and there only.

To another origin a request would carry the key, or would have to go without it; and whoever may
choose the origin could have us ask hosts that only we can reach. So the place that a redirect
names is never connected to: what is taken from it is a path, for the origin that was asked.
"""

from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from trio_groq._api.redaction import Redactor
from trio_groq._http.messages import Origin, Request, ResponseHead
from trio_groq.errors import APIStatusError

__all__ = ["MAX_REDIRECTS", "follow", "is_redirect"]

MAX_REDIRECTS: Final = 5
"""In a row. An API that has moved needs one, with a slash put right two; more is a circle."""
MAX_LOCATION_CHARS: Final = 8192
"""Of a `Location`: as long as the longest request line that servers commonly take."""
_SHOWN_CHARS: Final = 200

_NOTE_CIRCLE: Final = "Check base_url: they may go in a circle."
_NOTE_METHOD: Final = (
    "Check base_url, its path too: the server has the place elsewhere, and to go there as it says "
    "would make the request a GET without its body."
)
_NOTE_BODY: Final = (
    "Give the content as bytes or a file, which can be sent again, or set base_url to where the "
    "API is."
)

_KEEP_METHOD: Final = frozenset({307, 308})
_FOLLOWED: Final = _KEEP_METHOD | {301, 302, 303}
_SAFE_METHODS: Final = frozenset({b"GET", b"HEAD"})
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_SAFE_IN_TARGET: Final = "/%?:@!$&'()*+,;=~-._"  # RFC 3986, 3.3 and 3.4


def is_redirect(head: ResponseHead) -> bool:
    """Whether a response says where else to ask; without a `Location` it does not."""
    return head.status in _FOLLOWED and "location" in head.headers


def follow(request: Request, head: ResponseHead, followed: int) -> Request:
    """The request that a redirect asks for.

    Args:
        request: What was asked.
        head: The answer, for which `is_redirect` is true.
        followed: Redirects followed for this request so far.

    Returns:
        The same request with another target: same origin, method, headers and body.

    Raises:
        APIStatusError: It leads to another origin or to no URL, it is one too many, or it would
            turn the request into another one; not retryable.

    RFC 9110, 15.4.
    """
    location = head.headers["location"]
    if followed >= MAX_REDIRECTS:
        expected = f"at most {MAX_REDIRECTS} redirects"
        raise _refused(head, expected, "one more", _NOTE_CIRCLE, request)
    if request.method not in _SAFE_METHODS:
        method = request.method.decode("latin-1")
        if head.status not in _KEEP_METHOD:  # it would become a GET, and its body be lost
            expected = f"307 or 308 for a {method}"
            raise _refused(head, expected, str(head.status), _NOTE_METHOD, request)
        if not isinstance(request.body, bytes) and not request.body.replayable:
            expected = f"a {method} whose body can be sent once more"
            raise _refused(head, expected, "one that was read from a stream", _NOTE_BODY, request)
    note = f"Check base_url: redirects are followed within {request.origin} only."
    origin, target = _resolve(request, location)
    if origin is None:
        raise _refused(head, "a URL in Location", _shown(location), note, request)
    if origin != request.origin:
        raise _refused(head, f"a place at {request.origin}", str(origin), note, request)
    return msgspec.structs.replace(request, target=target)


def _resolve(request: Request, location: str) -> tuple[Origin | None, bytes]:
    """Where a `Location` leads: origin and target; None if it is no URL that we understand."""
    if len(location) > MAX_LOCATION_CHARS:
        return None, b""
    base = f"{request.origin}{request.target.decode('ascii')}"
    try:
        parts = urlsplit(urljoin(base, location.strip()))
        port, host = parts.port, parts.hostname
    except ValueError:
        return None, b""
    if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc or "\\" in location:
        return None, b""
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    # Latin-1 is how header fields come; a server that does not encode its URLs means UTF-8.
    encoded = quote(target.encode("latin-1"), safe=_SAFE_IN_TARGET).encode("ascii")
    return Origin(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme]), encoded


def _shown(location: str) -> str:
    """What a message shows of a `Location`: no user, no password and no query."""
    try:
        parts = urlsplit(location.strip())
    except ValueError:
        return "something that is no URL"
    host, path = [part.rpartition("@")[2] for part in (parts.netloc, parts.path)]
    url = "".join((f"{parts.scheme}:" if parts.scheme else "", f"//{host}" if host else "", path))
    return repr(url) if len(url) <= _SHOWN_CHARS else f"{url[:_SHOWN_CHARS]!r}..."


def _refused(
    head: ResponseHead, expected: str, got: str, note: str, request: Request
) -> APIStatusError:
    redactor = Redactor(request.headers, request.target)
    headers = redactor.headers(head.headers)
    error = APIStatusError(
        redactor.text(f"{head.status} redirect: expected {expected}, got {got}"),
        status_code=head.status,
        request_id=headers.get("x-request-id"),
        headers=headers,
    )
    error.is_retryable = False
    error.add_note(note)
    return error
