"""Whose memory an event lies in, and how often each byte is looked at or moved."""

import random
from typing import Any, Self

import pytest

from sse.feeding import BOM, Event, message, pieces_of, plain
from sse.reference import interpret
from trio_groq.sse import ServerSentEvent, SSEParser


@pytest.mark.parametrize(
    "prefix", [b"", BOM, b": c\n\n", b"\n", b"event: e\n", b"id: 1\nretry: 1\n"]
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("make", [bytes, bytearray])
def test_an_event_that_is_whole_is_not_copied(
    prefix: bytes, end: bytes, make: type[bytes] | type[bytearray]
) -> None:
    parser = SSEParser()
    parser.feed(b":\n")
    buffer = make(prefix.removeprefix(BOM) + b"data: abc" + end * 2 + b"data: d" + end * 2)
    first, second = parser.feed_span(buffer, 0, len(buffer))
    assert first.data.obj is buffer
    assert second.data.obj is buffer
    assert (first.data.tobytes(), second.data.tobytes()) == (b"abc", b"d")


@pytest.mark.parametrize("buffer", [b"data: x\n\n", bytearray(b"data: x\n\n")])
def test_feed_hands_out_the_callers_memory(buffer: bytes | bytearray) -> None:
    parser = SSEParser()
    parser.feed(b"\n")
    assert parser.feed(buffer)[0].data.obj is buffer
    assert parser.feed(memoryview(buffer))[0].data.obj is buffer


def test_a_part_of_a_view_is_fed_as_that_part() -> None:
    buffer = bytearray(b"data: a\n\ndata: b\n\ndata: c\n\n")
    parser = SSEParser()
    parser.feed(b"\n")
    (event,) = parser.feed(memoryview(buffer)[9:18])
    buffer[15] = ord("z")
    assert event.text() == "z"


@pytest.mark.parametrize(
    "view",
    [
        memoryview(b"d.a.t.a.:.x.y.\n.\n.")[::2],
        memoryview(b"data: xy\n\n").cast("c"),
        memoryview(b"data:xy\n").cast("B", (2, 4)),
        memoryview(b""),
    ],
    ids=["strided", "characters", "two dimensions", "empty"],
)
def test_unusual_views_give_plain_bytes(view: memoryview) -> None:
    parser = SSEParser()
    events = parser.feed(b"\n") + parser.feed(view) + parser.feed(b"\n")
    assert [e.data.tobytes() for e in events] == [b"xy"] * bool(view.nbytes)
    assert all(e.data.contiguous and e.data.format == "B" for e in events)


def test_one_buffer_serves_many_streams() -> None:
    rng = random.Random(7)  # noqa: S311 (a seeded split is no secret)
    buffer = bytearray(64)
    view = memoryview(buffer)  # as a socket's `recv_into` would hold it
    streams = [
        b"".join(
            b"id: %d\nevent: e%d\ndata: %s\ndata: second\n\ndata: %d\r\n\r\n" % (i, i, b"x" * i, n)
            for i in range(40)
        )
        for n in range(3)
    ]
    parsers = [SSEParser() for _ in streams]
    got: list[list[Event]] = [[] for _ in streams]
    rest = list(streams)
    while any(rest):
        n = rng.randrange(3)
        piece = rest[n][: rng.randint(0, 40)]
        rest[n] = rest[n][len(piece) :]
        start = rng.randint(0, 64 - len(piece))
        view[start : start + len(piece)] = piece
        events = parsers[n].feed_span(buffer, start, start + len(piece))
        got[n] += [(e.event, e.text(), e.id, e.retry) for e in events]
        view[:] = b"\n" * 64
    assert got == [interpret(stream).events for stream in streams]


def test_an_event_joined_from_pieces_outlives_later_feeds() -> None:
    parser = SSEParser()
    parser.feed(b"data: ab")
    (one,) = parser.feed(b"c\n\ndata: de")
    parser.feed(b"f\ndata: g")
    (two,) = parser.feed(b"\n\ndata: more")
    parser.feed(b" and more")
    assert (one.data.tobytes(), two.data.tobytes()) == (b"abc", b"def\ng")


def test_the_parser_does_not_hold_the_buffer() -> None:
    parser = SSEParser()
    buffer = bytearray(b"event: e\ndata: x\ndata: y")
    parser.feed(buffer)
    buffer.extend(b"a bytearray that is being viewed cannot grow")
    buffer[:] = b"\n\ndata: one\n"
    assert plain(parser, buffer) == [("e", "x\ny", "", None)]
    buffer.clear()
    assert plain(parser, b"\n") == [message("one")]


# Cost, counted in bytes that are looked at or moved; no clock is needed for that


class CountingBytes(bytes):
    """A buffer that counts how many of its bytes are searched."""

    searched = 0

    def find(self, *args: Any) -> int:
        _, start, end = args
        found = super().find(*args)
        self.searched += max(0, (end if found < 0 else found + 1) - start)
        return found

    def startswith(self, *args: Any) -> bool:
        self.searched += len(args[0])
        return super().startswith(*args)


class CountingBytearray(bytearray):
    """Memory that counts how many bytes are appended, and how often it is searched."""

    appended = 0
    searches = 0

    def __iadd__(self, data: Any) -> Self:  # type: ignore[misc]  # `bytearray` has the same
        self.appended += memoryview(data).nbytes
        return super().__iadd__(data)

    def find(self, *args: Any) -> int:
        self.searches += 1
        return super().find(*args)


LINEAR = {
    "one-line events": b"data: x\n\n",
    "CRLF": b"data: x\r\n\r\n",
    "CR alone": b"data: x\r\r",
    "LF alone": b"\n",
    "blank CR lines": b"\r",
    "many data lines": b"data: x\n",
    "comments": b":\n",
    "no line end": b"data: ",
    "CR and LF by turns": b"data: x\r\rdata: y\n\n",
    "named": b"event: e\ndata: x\n\n",
}


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("last", [b"", b"\r", b"\n"])
def test_a_span_is_searched_a_fixed_number_of_times(name: str, last: bytes) -> None:
    buffer = CountingBytes(LINEAR[name] * 2000 + last)
    parser = SSEParser()
    parser.feed(b"\n")
    parser.feed_span(buffer, 0, len(buffer))
    # Each byte once for LF, once for CR, once for the colon or the short way; and six for each
    # look at whether a line starts with `data: `, which a line of one byte makes dear.
    assert buffer.searched <= 9 * len(buffer) + 20


@pytest.mark.parametrize("size", [1, 16])
@pytest.mark.parametrize("length", [10_000, 20_000])
def test_a_line_in_small_pieces_is_moved_once(size: int, length: int) -> None:
    stream = b"data: " + b"x" * length
    parser = SSEParser()
    tail = parser._tail = CountingBytearray()
    searched = 0
    for piece in pieces_of(stream, size):
        buffer = CountingBytes(piece)
        assert parser.feed_span(buffer, 0, len(buffer)) == []
        assert parser._tail is tail
        searched += buffer.searched
    assert searched <= 3 * len(stream)
    assert tail.appended == len(stream)
    assert tail.searches == 0
    (event,) = parser.feed(b"\n\n")
    assert tail.searches == 1, "for the colon"
    assert event.data == b"x" * length
    assert parser._tail is not tail


@pytest.mark.parametrize("lines", [1000, 2000])
def test_data_lines_are_joined_once(lines: int) -> None:
    parser = SSEParser()
    parser.feed(b"data: x\n")
    joined = parser._block._joined = CountingBytearray(b"x")
    for _ in range(lines):
        parser.feed(b"data: y\n")
        assert parser._block._joined is joined
    assert joined.appended == 2 * lines
    (event,) = parser.feed(b"\n")
    assert event.data.obj is joined
    assert event == ServerSentEvent("message", memoryview(b"x" + b"\ny" * lines), "", None)
