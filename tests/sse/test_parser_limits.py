"""What the parser holds is bounded, exactly, and whatever the pieces."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse.feeding import BOM, STREAMS, Event, message, pieces_of, plain, random_pieces, run
from trio_groq.errors import ConfigurationError, ProtocolError
from trio_groq.sse import DEFAULT_MAX_EVENT_BYTES, SSEParser


def outcome(pieces: list[bytes], limit: int) -> tuple[list[Event], bool, str, int | None]:
    """Events, whether the stream was refused, and the parser's state after it."""
    parser = SSEParser(max_event_bytes=limit)
    events: list[Event] = []
    refused = False
    try:
        for piece in pieces:
            events += plain(parser, piece)
        parser.close()
    except ProtocolError:
        refused = True
    return events, refused, parser.last_event_id, parser.reconnection_time


# Each holds exactly 20 bytes at its largest: what the block holds, and the line at hand in full.
FITS_20 = {
    "one line": b"data: " + b"x" * 14 + b"\n\n",
    "first line with a BOM": BOM + b"data: " + b"x" * 11 + b"\n\n",
    "comment": b":" + b"c" * 19 + b"\n",
    "unknown field": b"u" * 20 + b"\n",
    "unfinished line": b"data: " + b"x" * 14,
    "unfinished comment": b":" * 20,
    "two lines": b"data: 12345678\ndata: 12345\n",
    "empty lines": b"data\n" * 17,
    "name": b"event: 1234567\ndata: 1234567\n\n",
    "name replaced": b"event: 12345678901\nevent: 1\ndata:12345678901234\n\n",
    "id": b"id: 1234567890\ndata: 1234\n\n",
    "CR": b"data: " + b"x" * 14 + b"\r\r",
    "ignored lines are not held": b": 1234567890\n" * 9 + b"data: " + b"x" * 14 + b"\n",
    "blocks are counted apart": b"data: 1234567890\n\n" * 9,
}


@pytest.mark.parametrize("name", FITS_20)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_limit_is_exact(name: str, size: int) -> None:
    stream = FITS_20[name]
    run(pieces_of(stream, size), parser=SSEParser(max_event_bytes=20))
    if name != "blocks are counted apart":
        too_small = SSEParser(max_event_bytes=19)
        with pytest.raises(ProtocolError) as caught:
            run(pieces_of(stream, size), parser=too_small)
        assert str(caught.value) == "event too large: expected at most 19 bytes, got more"


@pytest.mark.parametrize(
    ("line", "feeds"),
    # Of 1,000 bytes, a line needs its full length at hand and leaves its value and a LF behind.
    [(b"x", 1000), (b":c", 500), (b"data: x\n", 497), (b"data\n", 997)],
)
def test_an_endless_block_is_refused_in_bounded_memory(line: bytes, feeds: int) -> None:
    parser = SSEParser(max_event_bytes=1000)
    refused_after = 0
    with pytest.raises(ProtocolError):  # noqa: PT012 (which of the feeds raises is the point)
        while refused_after < 1001:
            assert len(parser._tail) + parser._block.size <= 1000
            parser.feed(line)
            refused_after += 1
    assert refused_after == feeds
    assert len(parser._tail) + parser._block.size == 0


@pytest.mark.parametrize("line", [b":c\n", b"unknown: x\n", b"\xff\n", b"id: x\n", b"event: x\r"])
def test_lines_that_add_nothing_may_go_on_for_ever(line: bytes) -> None:
    parser = SSEParser(max_event_bytes=20)
    for _ in range(1000):
        assert parser.feed(line) == []
    assert len(parser._tail) + parser._block.size <= 1


def test_a_refused_stream_stays_refused() -> None:
    parser = SSEParser(max_event_bytes=10)
    plain(parser, b"id: 1\n\n")
    for data in [b"x" * 11, b"", b"data: x\n\n"]:
        with pytest.raises(ProtocolError, match="expected at most 10 bytes"):
            parser.feed(data)
    assert len(parser._tail) + parser._block.size == 0
    assert parser.last_event_id == "1"
    parser.close()
    with pytest.raises(ProtocolError):
        parser.feed_span(b"data: x\n\n", 0, 9)


def test_events_before_the_one_too_large_are_returned() -> None:
    stream = b"data: a\n\ndata: b\n\ndata: " + b"x" * 20
    parser = SSEParser(max_event_bytes=10)
    assert plain(parser, stream) == [message("a"), message("b")]
    with pytest.raises(ProtocolError):
        parser.feed(b"")
    parser.close()

    parser = SSEParser(max_event_bytes=10)
    assert plain(parser, stream) == [message("a"), message("b")]
    with pytest.raises(ProtocolError):
        parser.close()
    parser.close()


@pytest.mark.parametrize("before", [b"", b":\n\n", b"id:\n\n"])
@pytest.mark.parametrize("apart", [True, False])
def test_an_event_that_arrives_whole_is_measured_too(before: bytes, *, apart: bool) -> None:
    for event, events, refused in [
        (b"data: 1234\n\n", [message("1234")], False),
        (b"data: 12345\n\n", [], True),
    ]:
        pieces = [b"\n", before, event] if apart else [b"\n" + before + event]
        assert outcome(pieces, 10) == (events, refused, "", None)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_at_least_one_byte(limit: int) -> None:
    with pytest.raises(ConfigurationError, match=f"expected an integer of at least 1, got {limit}"):
        SSEParser(max_event_bytes=limit)


def test_the_default_limit_takes_an_event_with_an_image() -> None:
    image = b"A" * (8 * 1024 * 1024)
    parser = SSEParser()
    parser.feed(b"data: " + image)
    (event,) = parser.feed(b"\n\n")
    assert event.data == image


@given(stream=STREAMS, limit=st.integers(1, 30), seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=300)
def test_pieces_do_not_move_the_limit(stream: bytes, limit: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 (hypothesis chose the seed)
    want = outcome([stream], limit)
    assert outcome(pieces_of(stream, 1), limit) == want
    assert outcome(random_pieces(stream, rng, 4), limit) == want
    if not want[1]:
        assert outcome([stream], DEFAULT_MAX_EVENT_BYTES) == want
