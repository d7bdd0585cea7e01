"""The standard's rules, whatever the pieces that the bytes come in."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse.feeding import BOM, FEEDS, STREAMS, Event, message, pieces_of, plain, random_pieces, run
from sse.reference import Result, interpret
from trio_groq.errors import ProtocolError
from trio_groq.sse import ServerSentEvent, SSEParser
from trio_groq.sse.parser import _find

# name: (stream, events, last event id, reconnection time)
CASES: dict[str, tuple[bytes, list[Event], str, int | None]] = {
    "nothing": (b"", [], "", None),
    "one event": (b"data: x\n\n", [message("x")], "", None),
    "two events": (b"data: x\n\ndata: y\n\n", [message("x"), message("y")], "", None),
    "no space": (b"data:x\n\n", [message("x")], "", None),
    "one space of two": (b"data:  x\n\n", [message(" x")], "", None),
    "a tab is data": (b"data:\tx\n\n", [message("\tx")], "", None),
    "space only": (b"data: \n\n", [message("")], "", None),
    "colon only": (b"data:\n\n", [message("")], "", None),
    "name only": (b"data\n\n", [message("")], "", None),
    "two names only": (b"data\ndata\n\n", [message("\n")], "", None),
    "colons in data": (b"data: a: b:c\n\n", [message("a: b:c")], "", None),
    "several lines": (b"data: a\ndata:\ndata: b\n\n", [message("a\n\nb")], "", None),
    "LF in between": (b"\n\n\ndata: x\n\n\n\ndata: y\n\n", [message("x"), message("y")], "", None),
    "CR": (b"data: a\rdata: b\r\rdata: c\r\r", [message("a\nb"), message("c")], "", None),
    "CRLF": (b"data: a\r\ndata: b\r\n\r\n", [message("a\nb")], "", None),
    "mixed ends": (b"data: a\rdata: b\ndata: c\r\n\r\n", [message("a\nb\nc")], "", None),
    "LF CR is two ends": (b"data: a\n\rdata: b\n\n", [message("a"), message("b")], "", None),
    "CR CRLF": (b"data: a\r\r\ndata: b\n\n", [message("a"), message("b")], "", None),
    "CR far behind LF": (b"data: a\n\ndata: b\n\n:\r", [message("a"), message("b")], "", None),
    "other line ends are data": (
        "data: a\v\f\x1c\x85\u2028b\n\n".encode(),
        [message("a\v\f\x1c\x85\u2028b")],
        "",
        None,
    ),
    "BOM": (BOM + b"data: x\n\n", [message("x")], "", None),
    "BOM before a comment": (BOM + b":\ndata: x\n\n", [message("x")], "", None),
    "BOM alone in its line": (BOM + b"\ndata: x\n\n", [message("x")], "", None),
    "BOM alone, CRLF": (BOM + b"\r\ndata: x\r\n\r\n", [message("x")], "", None),
    "two BOMs": (BOM * 2 + b"data: x\n\ndata: y\n\n", [message("y")], "", None),
    "BOM after a blank line": (b"\n" + BOM + b"data: x\n\n", [], "", None),
    "BOM in data": (b"data: " + BOM + b"x\n\n", [message("\ufeffx")], "", None),
    "two thirds of a BOM": (b"\xef\xbbdata: x\n\ndata: y\n\n", [message("y")], "", None),
    "nothing but a BOM": (BOM, [], "", None),
    "comments": (b":\n: data: x\n:data: y\ndata: z\n:\n\n", [message("z")], "", None),
    "comment blocks": (b": ping\n\ndata: x\n\n: ping\n\n", [message("x")], "", None),
    "named": (b"event: a b\ndata: x\n\n", [("a b", "x", "", None)], "", None),
    "name after data": (b"data: x\nevent: n\n\n", [("n", "x", "", None)], "", None),
    "name is of one event": (
        b"event: n\ndata: x\n\ndata: y\n\n",
        [("n", "x", "", None), message("y")],
        "",
        None,
    ),
    "name without data is lost": (b"event: n\n\ndata: y\n\n", [message("y")], "", None),
    "empty name": (b"event: n\nevent:\ndata: x\n\n", [message("x")], "", None),
    "invalid UTF-8 in a name": (
        b"event: a\xff\ndata: x\n\n",
        [("a\ufffd", "x", "", None)],
        "",
        None,
    ),
    "invalid UTF-8 in an id": (
        b"id: \xe2\x82\ndata: x\n\n",
        [message("x", "\ufffd")],
        "\ufffd",
        None,
    ),
    "invalid UTF-8 in data": (b"data: \xf0\x9f\x98A\n\n", [message("\ufffdA")], "", None),
    "invalid UTF-8 in a field's name": (b"da\xffta: x\ndata: y\n\n", [message("y")], "", None),
    "id persists": (
        b"id: 1\ndata: x\n\ndata: y\n\n",
        [message("x", "1"), message("y", "1")],
        "1",
        None,
    ),
    "id persists into one-line events": (
        b"id: 1\n\ndata: x\n\ndata: y\n\n",
        [message("x", "1"), message("y", "1")],
        "1",
        None,
    ),
    "id emptied": (b"id: 1\n\nid\ndata: x\n\n", [message("x")], "", None),
    "id alone": (b"id: 1\n\n", [], "1", None),
    "id keeps its spaces": (b"id:  1 \n\n", [], " 1 ", None),
    "id with NUL": (b"id: 1\nid: a\0b\ndata: x\n\n", [message("x", "1")], "1", None),
    "id of no finished block": (b"id: 1\n\nid: 2\ndata: x\n", [], "1", None),
    "NUL in data and name": (b"event: \0\ndata: \0\n\n", [("\0", "\0", "", None)], "", None),
    "retry": (b"retry: 5\ndata: x\n\ndata: y\n\n", [message("x", "", 5), message("y")], "", 5),
    "retry at its line end": (b"retry: 5\n", [], "", 5),
    "retry not ended": (b"retry: 5", [], "", None),
    "retry malformed after one": (
        b"retry: 5\nretry: 6x\ndata: x\n\n",
        [message("x", "", 5)],
        "",
        5,
    ),
    "retry of a lost block": (b"retry: 5\n\ndata: x\n\n", [message("x")], "", 5),
    "unknown fields": (b"datax: a\ndat: b\nDATA: c\nData\n data: d\n\n", [], "", None),
    "space before the colon": (b"data : x\n\n", [], "", None),
    "end in a line": (b"data: x\n\ndata: y", [message("x")], "", None),
    "end in a block": (b"data: x\n\ndata: y\n", [message("x")], "", None),
    "end at CR": (b"data: x\n\r", [message("x")], "", None),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", FEEDS)
def test_rules_in_any_pieces(name: str, kind: str) -> None:
    stream, events, last_event_id, reconnection_time = CASES[name]
    want = Result(events, last_event_id, reconnection_time)
    assert interpret(stream) == want
    for size in range(1, len(stream) + 2):
        assert run(pieces_of(stream, size), FEEDS[kind]) == want, size
    for cut in range(len(stream) + 1):
        assert run([stream[:cut], b"", stream[cut:]], FEEDS[kind]) == want, cut


@given(stream=STREAMS, seed=st.integers(0, 2**32), kind=st.sampled_from(sorted(FEEDS)))
@settings(deadline=None, max_examples=400)
def test_agrees_with_the_reference_in_any_pieces(stream: bytes, seed: int, kind: str) -> None:
    want = interpret(stream)
    rng = random.Random(seed)  # noqa: S311 (hypothesis chose the seed)
    feed = FEEDS[kind]
    assert run([stream], feed) == want
    assert run(pieces_of(stream, 1), feed) == want
    assert run(random_pieces(stream, rng, 3), feed) == want
    assert run(random_pieces(stream, rng, 12), feed) == want


def test_cr_at_a_feeds_end_dispatches_at_once() -> None:
    parser = SSEParser()
    assert plain(parser, b"data: a\r\r") == [message("a")]
    assert plain(parser, b"") == []
    assert plain(parser, b"\ndata: b\r\n\r") == [message("b")]
    assert plain(parser, b"\n") == []
    assert plain(parser, b"data: c\r") == []
    assert plain(parser, b"\n") == [], "one LF belongs to the CR"
    assert plain(parser, b"\n") == [message("c")], "the second does not"


def test_a_retry_acts_before_its_block_ends() -> None:
    parser = SSEParser()
    parser.feed(b"id: 1\nretry: 5\nretry: ")
    assert (parser.last_event_id, parser.reconnection_time) == ("", 5)
    parser.feed(b"6\n")
    assert (parser.last_event_id, parser.reconnection_time) == ("", 6)
    parser.feed(b"\n")
    assert parser.last_event_id == "1"


def test_close_drops_what_is_incomplete() -> None:
    parser = SSEParser()
    parser.feed(b"id: 1\n\nid: 2\ndata: x\ndata: y")
    parser.close()
    parser.close()
    assert parser.last_event_id == "1"
    with pytest.raises(RuntimeError, match="feed: expected an open parser, got a closed one"):
        parser.feed(b"\n\n")


def test_find_names_the_end_when_there_is_nothing() -> None:
    assert [_find(b"a\nb", b"\n", 0, 3), _find(b"a\nb", b"\n", 2, 3)] == [1, 3]


@pytest.mark.parametrize("size", [0, 1, 4087, 4088, 4089, 5000])
@pytest.mark.parametrize("inside", [b"", b"\r", b"\n", b"\r\n", b"\nid: 7\n", b"\n\n", b"\rdata: "])
def test_events_each_in_a_span_of_its_own(size: int, inside: bytes) -> None:
    """As in the chunks of a chunked body: small and large, and some that are not what they seem."""
    text = b"x" * (size // 2) + inside + b"x" * (size - size // 2)
    span = b"data: " + text + b"\n\n"
    whole = SSEParser().feed(span * 4)
    buffer = bytearray(b"data: stale\n\n" + span * 4 + b"data: stale\n\n")
    starts = [13 + number * len(span) for number in range(4)]
    spans = [(buffer, start, start + len(span)) for start in starts]
    assert SSEParser().feed_spans(spans) == whole
    found = SSEParser().feed_messages(spans)
    assert len(found) == len(whole) >= 4
    plain_ones = [each for each in found if not isinstance(each, ServerSentEvent)]
    assert bool(plain_ones) == (not inside and size <= 4088)
    begun = SSEParser()
    assert not begun.is_lone_message(text), "a byte order mark may come yet"
    begun.feed_span(buffer, *spans[0][1:])
    assert begun.is_lone_message(text) == bool(plain_ones)
    for got, event in zip(found, whole, strict=True):
        assert got == (event if isinstance(got, ServerSentEvent) else event.data)
    buffer[:] = bytes(len(buffer))
    assert all(each == text for each in plain_ones), "expected data of its own"


@pytest.mark.parametrize(
    "span", [b"data:", b"data: ", b"data: \n", b"\n", b"", b"data: x", b"\n\n"]
)
def test_a_span_is_not_read_past_its_end(span: bytes) -> None:
    buffer = bytearray(b"data: first\n\n" + span + b"data: stale\n\n")
    parser = SSEParser()
    assert len(parser.feed_span(buffer, 0, 13)) == 1
    assert parser.feed_span(buffer, 13, 13 + len(span)) == []
    parser = SSEParser()
    assert len(parser.feed_messages([(buffer, 0, 13)])) == 1
    assert parser.feed_messages([(buffer, 13, 13 + len(span))]) == []


def test_messages_that_come_before_one_that_is_too_large() -> None:
    stream = b"data: a\n\n", b"data: b\n\n", b"data: " + b"x" * 20 + b"\n\n", b"data: c\n\n"
    buffer = b"".join(stream)
    spans, start = [], 0
    for piece in stream:
        spans.append((buffer, start, start + len(piece)))
        start += len(piece)
    parser = SSEParser(max_event_bytes=20)
    events = parser.feed_messages(spans)
    assert [bytes(e.data if isinstance(e, ServerSentEvent) else e) for e in events] == [b"a", b"b"]
    with pytest.raises(ProtocolError, match="event too large"):
        parser.feed_messages(spans[3:])
