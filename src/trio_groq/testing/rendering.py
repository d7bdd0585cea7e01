"""A reply as the beats of one HTTP/1.1 response: head, framing, compression, pace.

Sans-IO. The bytes are built by hand, not by an HTTP library: faults count them, and a test wants
to send what no library would.
"""

import zlib
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import chain

import attrs

from trio_groq.errors import RateLimits
from trio_groq.testing.beats import Beat, Ending, Gap, regroup
from trio_groq.testing.chat import Names, completion_body, completion_seconds, stream_events
from trio_groq.testing.faults import inject
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Framing, Reply
from trio_groq.testing.response_bodies import RESPONSES_PATH, response_body, response_events

__all__ = ["Persistence", "as_answer", "go_duration", "render"]

_NO_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_GZIP_WBITS = 31
_NANOSECONDS = 1_000_000_000

# Below how many nanoseconds, which unit, and its name. Go prints U+00B5 for micro, which is no
# ASCII and so has no place in a header; it reads `us` as the same.
_SMALL_UNITS = ((1_000, 1, "ns"), (1_000_000, 1_000, "us"), (_NANOSECONDS, 1_000_000, "ms"))


@attrs.frozen
class Persistence:
    """What the connection can do for this response.

    Attributes:
        keep_alive: Whether it stays open afterwards.
        chunked: Whether the client knows chunks; HTTP/1.0 does not.
    """

    keep_alive: bool = True
    chunked: bool = True


def _trimmed(nanoseconds: int, unit: int) -> str:
    whole, rest = divmod(nanoseconds, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def go_duration(seconds: float) -> str:
    """A duration as Go prints it: `250ms`, `6s`, `1m26.4s`, `1h0m0s`. Seconds, 0 or more."""
    left = round(seconds * _NANOSECONDS)
    if left == 0:
        return "0s"
    for below, unit, name in _SMALL_UNITS:
        if left < below:
            return _trimmed(left, unit) + name
    minutes, left = divmod(left, 60 * _NANOSECONDS)
    hours, minutes = divmod(minutes, 60)
    text = f"{_trimmed(left, _NANOSECONDS)}s"
    if minutes or hours:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text


def _limit_headers(limits: RateLimits) -> Iterator[tuple[str, str]]:
    for name, window in (("requests", limits.requests), ("tokens", limits.tokens)):
        if window.limit is not None:
            yield f"x-ratelimit-limit-{name}", str(window.limit)
        if window.remaining is not None:
            yield f"x-ratelimit-remaining-{name}", str(window.remaining)
        if window.reset_after is not None:
            yield f"x-ratelimit-reset-{name}", go_duration(window.reset_after)


def _head(status: int, fields: Iterable[tuple[str, str]]) -> bytes:
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:  # 498, 529: no registered phrase, and an empty one is valid
        reason = ""
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _fields(
    reply: Reply, names: Names, defaults: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The server's fields, without those that the reply replaces, then the reply's."""
    given = list(reply.headers)
    if reply.rate_limits is not None:
        given = [*_limit_headers(reply.rate_limits), *given]
    taken = {name.lower() for name, _ in given}
    common = [
        *defaults,
        ("vary", "Origin"),
        ("x-groq-region", "lo"),
        ("x-request-id", names.request),
    ]
    return [field for field in common if field[0] not in taken] + given


def _gzip(beats: Iterable[Beat]) -> Iterator[Beat]:
    """Compressed, each beat flushed, so that it can be read when it is sent."""
    squeeze = zlib.compressobj(wbits=_GZIP_WBITS)
    for beat in beats:
        data = squeeze.compress(beat.data) + squeeze.flush(zlib.Z_SYNC_FLUSH)
        yield Beat(data, beat.delay, beat.gap)
    yield Beat(squeeze.flush())


def _chunks(beats: Iterable[Beat]) -> Iterator[Beat]:
    for beat in beats:
        if beat.data:  # an empty chunk would be the last
            yield Beat(b"%x\r\n%b\r\n" % (len(beat.data), beat.data), beat.delay, beat.gap)


_LAST_CHUNK = b"0\r\n\r\n"


def _framed(
    framing: Framing, beats: Iterable[Beat]
) -> tuple[list[tuple[str, str]], Iterable[Beat], bool]:
    """The fields that state the framing, the framed body, and whether only its end ends it."""
    if framing == "chunked":
        return [("transfer-encoding", "chunked")], _chunks(beats), False
    if framing == "close":
        return [], beats, True
    whole = list(beats)
    length = sum(len(beat.data) for beat in whole)
    return [("content-length", str(length))], whole, False


def _stream(reply: Reply, request: RecordedRequest, names: Names) -> Iterator[Beat]:
    make = response_events if request.path == RESPONSES_PATH else stream_events
    events = make(reply, request.params, names)
    return regroup(events, reply.events_per_chunk)


def _whole(reply: Reply, request: RecordedRequest, names: Names) -> Iterator[Beat]:
    if reply.body is not None:
        yield Beat(reply.body)
    else:
        make = response_body if request.path == RESPONSES_PATH else completion_body
        yield Beat(make(reply, request.params, names), completion_seconds(reply))


def _writes(reply: Reply, beats: Iterable[Beat]) -> Iterable[Beat]:
    if reply.events_per_write is None:
        return beats
    return regroup(beats, max(1, reply.events_per_write // reply.events_per_chunk), Gap.WRITE)


_STREAM_FIELDS = (("content-type", "text/event-stream"), ("cache-control", "no-cache"))


def _json_fields(reply: Reply) -> tuple[tuple[str, str], ...]:
    no_store = "private, max-age=0, no-store, no-cache, must-revalidate"
    return ("content-type", reply.content_type), ("cache-control", no_store)


def _response(
    reply: Reply, request: RecordedRequest, names: Names, persistence: Persistence
) -> tuple[Iterable[Beat], bool]:
    """The beats of a response that is not raw, and whether it keeps the connection open."""
    streamed = reply.is_chat and bool(request.params.get("stream"))
    body = (_stream if streamed else _whole)(reply, request, names)
    framing = reply.framing or ("chunked" if streamed else "content-length")
    if framing == "chunked" and not persistence.chunked:
        framing = "close"
    coding = [("content-encoding", "gzip")] if reply.compress else []
    stated, framed, until_close = _framed(framing, _gzip(body) if reply.compress else body)
    keep_alive = persistence.keep_alive and not until_close
    connection = ("connection", "keep-alive" if keep_alive else "close")
    defaults = [
        *(_STREAM_FIELDS if streamed else _json_fields(reply)),
        *coding,
        *stated,
        connection,
    ]
    head = Beat(_head(reply.status, _fields(reply, names, defaults)), reply.head_delay)
    if request.method == "HEAD" or reply.status in _NO_BODY:
        return [head], keep_alive
    end_gap = Gap.MERGE if reply.events_per_write is None else Gap.WRITE
    end = [Beat(_LAST_CHUNK, gap=end_gap)] if framing == "chunked" else []
    return chain([head], _writes(reply, framed), end), keep_alive


def as_answer(reply: Reply, request: RecordedRequest) -> Reply:
    """A plain request gets a scripted mid-stream error as an error response."""
    if reply.error_event is None or not reply.is_chat or request.params.get("stream"):
        return reply
    error = dict(reply.error_event)
    status = error.pop("status_code", 400)
    made = Reply.json({"error": error}, status=status, headers=reply.headers)
    return attrs.evolve(made, rate_limits=reply.rate_limits, fault=reply.fault)


def render(
    reply: Reply, request: RecordedRequest, names: Names, persistence: Persistence
) -> Iterable[Beat]:
    """All that the reply makes the connection do; made as it is played, so never held whole.

    The last beat says whether the connection is closed; without a word it stays open.
    """
    reply = as_answer(reply, request)
    if reply.wire is not None:
        response: Iterable[Beat] = [Beat(reply.wire, reply.head_delay)]
        keep_alive = persistence.keep_alive
    else:
        response, keep_alive = _response(reply, request, names, persistence)
    idle = [Beat(reply.hold_idle_data, gap=Gap.SETTLE)] if reply.hold_idle_data else []
    ends = reply.close_after or not keep_alive
    closing = [Beat(b"", then=Ending.CLOSE)] if ends else []
    return chain(inject(reply.fault, response), idle, closing)
