"""Ways to give a parser a stream, and what comes out as plain values."""

import random
from collections.abc import Callable, Iterable
from typing import TypeAlias

from hypothesis import strategies as st

from sse.reference import Result
from trio_groq.sse import ServerSentEvent, SSEParser
from trio_groq.sse.parser import LONE_BEGINS, LONE_ENDS

BOM = b"\xef\xbb\xbf"

Event: TypeAlias = tuple[str, str, str, int | None]
Feed: TypeAlias = Callable[[SSEParser, bytes], list[Event]]


def plain(parser: SSEParser, data: bytes | bytearray | memoryview) -> list[Event]:
    return [(e.event, e.text(), e.id, e.retry) for e in parser.feed(data)]


def span(parser: SSEParser, data: bytes) -> list[Event]:
    """Through `feed_span`, out of a buffer whose other bytes would be seen if they were read."""
    buffer = bytearray(b"data: before\n\n" + data + b"\n\ndata: after\n\n")
    start = len(b"data: before\n\n")
    events = parser.feed_span(buffer, start, start + len(data))
    values = [(e.event, e.text(), e.id, e.retry) for e in events]
    buffer[:] = b"\n" * len(buffer)  # what the parser keeps must be a copy
    return values


def messages(parser: SSEParser, data: bytes) -> list[Event]:
    """Through `feed_messages`, where a span that is one message gives its data alone."""
    buffer = bytearray(b"data: before\n\n" + data + b"\n\ndata: after\n\n")
    start = len(b"data: before\n\n")
    found = parser.feed_messages([(buffer, start, start + len(data))])
    values = [
        (e.event, e.text(), e.id, e.retry)
        if isinstance(e, ServerSentEvent)
        else ("message", e.decode("utf-8", "replace"), parser.last_event_id, None)
        for e in found
    ]
    buffer[:] = b"\n" * len(buffer)
    return values


def lone(parser: SSEParser, data: bytes) -> list[Event]:
    """As a stream does: the parser is spared what comes alone, and is fed the rest."""
    inner = data[len(LONE_BEGINS) : len(data) - len(LONE_ENDS)]
    if data == LONE_BEGINS + inner + LONE_ENDS and parser.is_lone_message(inner):
        return [("message", inner.decode("utf-8", "replace"), parser.last_event_id, None)]
    return messages(parser, data)


FEEDS: dict[str, Feed] = {
    "bytes": plain,
    "bytearray": lambda parser, data: plain(parser, bytearray(data)),
    "memoryview": lambda parser, data: plain(parser, memoryview(bytearray(data))),
    "span": span,
    "messages": messages,
    "lone": lone,
}


def run(pieces: Iterable[bytes], feed: Feed = plain, parser: SSEParser | None = None) -> Result:
    """All that a stream leads to, given in these pieces."""
    parser = parser or SSEParser()
    result = Result()
    for piece in pieces:
        result.events += feed(parser, piece)
    parser.close()
    result.last_event_id = parser.last_event_id
    result.reconnection_time = parser.reconnection_time
    return result


def pieces_of(stream: bytes, size: int) -> list[bytes]:
    return [stream[i : i + size] for i in range(0, len(stream), size)]


def random_pieces(stream: bytes, rng: random.Random, mean: int) -> list[bytes]:
    """Cuts at random, some pieces empty."""
    count = len(stream) // mean + 1
    cuts = sorted(rng.randint(0, len(stream)) for _ in range(count))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def message(data: str, id: str = "", retry: int | None = None) -> Event:  # noqa: A002 (its name)
    return ("message", data, id, retry)


# Lines of the field names that matter, broken in the ways that matter; and any bytes at all.
TOKENS = [
    *[b"data", b"data: ", b"event", b"id", b"retry", b"DATA", b":", b": ", b" ", b"\n", b"\r"],
    *[b"\n\n", b"\r\n", b"data: x\n\n", b"id: 7\n", b"event:e\n", b"retry:5\n", b":c\r\n", b"x"],
    *[b"\0", b"0", b"1", BOM, BOM[:2], b"\xe2\x82", b"\xac", b"\xff", "é".encode()],
]
INTERESTING = st.lists(st.sampled_from(TOKENS), max_size=30).map(b"".join)
STREAMS = st.tuples(st.sampled_from([b"", BOM, BOM[:1], BOM[:2], BOM * 2]), INTERESTING).map(
    b"".join
) | st.binary(max_size=60)
