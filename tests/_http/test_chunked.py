"""The chunked reader: its grammar, its limits, and what it tells of bad input."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_pieces import STALE, cut, cuts, feed_pieces, one_by_one
from trio_groq._http import chunked
from trio_groq._http.chunked import ChunkedReader
from trio_groq.errors import ProtocolError

VALID = {
    "basic": (b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world"),
    "no chunk but the last": (b"0\r\n\r\n", b""),
    "upper-case size": (b"1A\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n", b"x" * 26),
    "lower-case size": (b"1a\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n", b"x" * 26),
    "leading zeros": (b"0005\r\nhello\r\n0000\r\n\r\n", b"hello"),
    "20 digits": (b"0" * 19 + b"5\r\nhello\r\n" + b"0" * 20 + b"\r\n\r\n", b"hello"),
    "extension": (b"5;name=value\r\nhello\r\n0;last\r\n\r\n", b"hello"),
    "empty extension": (b"5;\r\nhello\r\n0;\r\n\r\n", b"hello"),
    "quoted extension": (b'5;a="; 7";b=c\r\nhello\r\n0\r\n\r\n', b"hello"),
    "extension beyond ASCII": (b"5;a=\xe9\r\nhello\r\n0\r\n\r\n", b"hello"),
    "space after the size": (b"5  \r\nhello\r\n0\t\r\n\r\n", b"hello"),
    "line ends in the payload": (b"6\r\n\r\n0\r\n\r\r\n0\r\n\r\n", b"\r\n0\r\n\r"),
    "plain, extended, plain": (b"1\r\na\r\n1;x\r\nb\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
}

INVALID = {
    "space before the extension": (
        b"5 \t;a=b\r\nhello",
        "chunk extension: expected ';', text and CR LF, got b' ",
    ),
    "no digits": (b"\r\nhello", "chunk size: expected hexadecimal digits, got b'\\r"),
    "not hexadecimal": (b"ILLEGAL\r\n", "chunk size: expected hexadecimal digits, got b'I"),
    "sign": (b"+5\r\nhello", "chunk size: expected hexadecimal digits, got b'+"),
    "minus": (b"-5\r\nhello", "chunk size: expected hexadecimal digits, got b'-"),
    "underscore": (b"1_0\r\n", "chunk size: expected hexadecimal digits, got b'1_"),
    "prefix": (b"0x5\r\nhello", "chunk size: expected hexadecimal digits, got b'0x"),
    "space before": (b" 5\r\nhello", "chunk size: expected hexadecimal digits, got b' "),
    "digits beyond ASCII": (
        b"\xd9\xa4\r\n",
        "chunk size: expected hexadecimal digits, got b'\\xd9",
    ),
    "21 digits": (b"0" * 20 + b"5\r\n", "chunk size: expected hexadecimal digits, got b'0000"),
    "bare LF after the size": (
        b"5\nhello\n",
        "chunk size: expected hexadecimal digits, got b'5\\n",
    ),
    "bare CR in the size line": (b"5\r5\r\n", "chunk extension: expected ';', text and CR LF, got"),
    "text without semicolon": (
        b"2 ab\r\naa\r\n",
        "chunk extension: expected ';', text and CR LF, ",
    ),
    "bare LF in an extension": (
        b"2;\nxx\r\n4c\r\n",
        "chunk extension: expected ';', text and CR LF",
    ),
    "bare CR in an extension": (
        b"2;a\rb\r\n",
        "chunk extension: expected ';', text and CR LF, got",
    ),
    "NUL in an extension": (b"2;a\0\r\n", "chunk extension: expected ';', text and CR LF, got"),
    "chunk too long": (b"4\r\nHello\r\n", "end of chunk: expected CR LF, got b'o"),
    "chunk too short": (b"6\r\nHello\r\n0\r\n", "end of chunk: expected CR LF, got b'\\n"),
    "other bytes after a chunk": (b"5\r\nhelloXY0\r\n", "end of chunk: expected CR LF, got b'X"),
    "another byte for the CR": (b"5\r\nhelloX\n0\r\n\r\n", "end of chunk: expected CR LF, got b'X"),
    "bare CR after a chunk": (b"1\r\na\r0\r\n", "end of chunk: expected LF after CR, got b'0"),
    "bare LF after a chunk": (b"1\r\na\n0\r\n", "end of chunk: expected CR LF, got b'\\n"),
    "bare LF for the empty line": (
        b"0\r\n\n",
        "trailer line: expected CR LF at its end, got b'\\n",
    ),
    "bare LF in a trailer": (
        b"0\r\na: b\n\r\n",
        "trailer line: expected CR LF at its end, got b'a",
    ),
    "trailer without colon": (b"0\r\nab\r\n\r\n", "trailer: expected a header field, got b'ab'"),
    "trailer without name": (b"0\r\n: b\r\n\r\n", "trailer: expected a header field, got b': b'"),
    "space before the colon": (b"0\r\na : b\r\n\r\n", "trailer: expected a header field, got"),
    "control character": (b"0\r\na: \x01\r\n\r\n", "trailer: expected a header field, got"),
    "bare CR in a trailer": (b"0\r\na: b\rc\r\n\r\n", "trailer: expected a header field, got"),
    "folded line first": (b"0\r\n a: b\r\n\r\n", "trailer: expected a header field, got b' a: b'"),
}

UNFINISHED = {
    b"": "a chunk-size line",
    b"5": "a chunk-size line",
    b"5;a\r": "a chunk-size line",
    b"5\r\n": "the rest of a chunk",
    b"5\r\nhell": "the rest of a chunk",
    b"5\r\nhello": "CR LF after a chunk",
    b"5\r\nhello\r": "LF after a chunk and CR",
    b"5\r\nhello\r\n": "a chunk-size line",
    b"0\r\n": "trailers and an empty line",
    b"0\r\na: b\r\n\r": "trailers and an empty line",
}


@pytest.mark.parametrize("name", VALID)
def test_valid_bodies(name: str) -> None:
    raw, payload = VALID[name]
    for pieces in ([raw], one_by_one(raw)):
        reader = ChunkedReader()
        assert feed_pieces(reader.feed, pieces) == payload
        assert reader.complete
        assert not reader.excess
        assert reader.trailers == ()
        reader.feed_eof()


@pytest.mark.parametrize("name", INVALID)
def test_invalid_bodies(name: str) -> None:
    raw, message = INVALID[name]
    with pytest.raises(ProtocolError, match="^" + re.escape(message)):
        feed_pieces(ChunkedReader().feed, [raw])
    # Byte by byte the excerpt is shorter; what is wrong, and what is expected, is the same.
    with pytest.raises(ProtocolError, match="^" + re.escape(message.split(", got")[0])):
        feed_pieces(ChunkedReader().feed, one_by_one(raw))


@pytest.mark.parametrize("name", INVALID)
def test_payload_before_a_violation_is_salvaged(name: str) -> None:
    raw = b"3\r\nabc\r\n2;x\r\nde\r\n" + INVALID[name][0]
    payloads = set()
    for pieces in ([raw], one_by_one(raw), cut(raw, [4]), cut(raw, [7, 12, 20])):
        reader, payload = ChunkedReader(), bytearray()
        with pytest.raises(ProtocolError):
            feed_pieces(reader.feed, pieces, payload)
        for source, start, end in reader.salvaged:
            payload += source[start:end]
        payloads.add(bytes(payload))
    assert len(payloads) == 1
    assert payloads.pop().startswith(b"abcde")


@pytest.mark.parametrize("raw", UNFINISHED)
def test_end_of_the_connection_within_a_body(raw: bytes) -> None:
    reader = ChunkedReader()
    feed_pieces(reader.feed, [raw])
    assert not reader.complete
    with pytest.raises(ProtocolError) as caught:
        reader.feed_eof()
    assert str(caught.value) == (
        f"chunked body: expected {UNFINISHED[raw]}, got the end of the connection"
    )


@given(points=cuts(), name=st.sampled_from(sorted(VALID)))
@settings(deadline=None, max_examples=150)
def test_splits_change_nothing(points: list[int], name: str) -> None:
    raw, payload = VALID[name]
    reader = ChunkedReader()
    assert feed_pieces(reader.feed, cut(raw, points)) == payload
    assert reader.complete


def event_chunks(sizes: Iterable[int], line: str = "%x") -> bytes:
    """Chunks as large as events are; their sizes have mostly three digits."""
    chunks = [(line % size).encode() + b"\r\n" + b"d" * size + b"\r\n" for size in sizes]
    return b"".join(chunks) + b"0\r\n\r\n"


def outcome(pieces: list[bytes]) -> tuple[bytes, bool, bool, str]:
    """Payload with what was salvaged, and how it ended; without the error's excerpt."""
    reader, payload, error = ChunkedReader(), bytearray(), ""
    try:
        feed_pieces(reader.feed, pieces, payload)
    except ProtocolError as exc:
        error = str(exc).split(", got")[0]
        payload += b"".join(bytes(source[start:end]) for source, start, end in reader.salvaged)
    return bytes(payload), reader.complete, reader.excess, error


@pytest.mark.parametrize("line", ["%x", "%X", "%03x", "%04x", "%x;a"])
def test_chunks_of_known_sizes(line: str) -> None:
    sizes = [0x12C, 0xFF, 0x12C, 0x100, 0xFFF, 0x1000, 0x12C, 0x12C, 0xF, 0x10, 0xFE, 0xFF, 0x12C]
    raw = event_chunks(sizes, line)
    for _ in range(2):  # the second time, all sizes have come before
        for pieces in ([raw], cut(raw, range(0, len(raw), 1000)), one_by_one(raw)):
            assert outcome(pieces) == (b"d" * sum(sizes), True, False, "")


@pytest.mark.parametrize("at", range(-7, 7))
@pytest.mark.parametrize("wrong", b"\r\n0dx ;")
@pytest.mark.parametrize("size", [200, 300])
def test_wrong_byte_between_chunks_of_known_sizes(at: int, wrong: int, size: int) -> None:
    raw = bytearray(event_chunks([size, size, size]))
    raw[2 * len(event_chunks([size])[:-5]) + at] = wrong  # where the third chunk's line begins
    assert outcome([bytes(raw)]) == outcome(one_by_one(bytes(raw)))


@given(points=cuts(1000))
@settings(deadline=None, max_examples=100)
def test_splits_of_chunks_of_known_sizes_change_nothing(points: list[int]) -> None:
    sizes = [300, 301, 300]
    assert outcome(cut(event_chunks(sizes), points)) == (b"d" * sum(sizes), True, False, "")


def test_three_digits_can_say_zero() -> None:
    raw = event_chunks([300]) + event_chunks([300])
    raw = raw.replace(b"0\r\n\r\n", b"000\r\n\r\n")
    for _ in range(2):
        assert outcome([raw]) == (b"d" * 300, True, True, "")


def test_sizes_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[bytes, int] = {}
    monkeypatch.setattr(chunked, "_SIZES", known)
    monkeypatch.setattr(chunked, "_MAX_SIZES", 3)
    sizes = [255, 257, 258, 259, 260, 255, 260]
    assert outcome([event_chunks(sizes)]) == (b"d" * sum(sizes), True, False, "")
    assert known == {b"ff\r\n": 255, b"101\r\n": 257, b"102\r\n": 258}


def test_spans_are_ranges_of_the_buffer_that_was_fed() -> None:
    buffer = bytearray(b"..5\r\nhello\r\n3;x\r\nabc\r\n7\r\npart")
    spans = ChunkedReader().feed(buffer, 2, len(buffer))
    assert [(start, end) for _, start, end in spans] == [(5, 10), (17, 20), (25, 29)]
    assert all(source is buffer for source, _, _ in spans)


def test_framing_alone_gives_no_span() -> None:
    reader = ChunkedReader()
    for piece in (b"5", b"\r", b"\n"):
        assert reader.feed(piece, 0, len(piece)) == []
    assert reader.feed(b"", 0, 0) == []


@pytest.mark.parametrize("seen", range(1, 16))
def test_bytes_past_the_end_are_not_read(seen: int) -> None:
    raw = b"9\r\nnine more\r\n0\r\n\r\n"
    reader = ChunkedReader()
    spans = reader.feed(raw, 0, seen)
    assert b"".join(raw[start:end] for _, start, end in spans) == raw[3 : min(seen, 12)]
    assert not reader.complete
    reader.feed(raw, seen, len(raw))
    assert reader.complete


@pytest.mark.parametrize("extra", [b"\r\n", b"x", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_bytes_after_the_end_are_excess(extra: bytes) -> None:
    for pieces in ([b"1\r\na\r\n0\r\n\r\n" + extra], [b"1\r\na\r\n0\r\n\r\n", extra]):
        reader = ChunkedReader()
        assert feed_pieces(reader.feed, pieces) == b"a"
        assert reader.complete
        assert reader.excess


def test_trailers() -> None:
    raw = (
        b"1\r\na\r\n0\r\nX-One:1\r\nx-two: \t two words \t\r\nEmpty:\r\nX-One: again\r\n"
        b"Folded: a\r\n \t b\r\n\tc\r\nContent-Length: 99\r\nTransfer-Encoding: gzip\r\n\r\n"
    )
    for pieces in ([raw], one_by_one(raw)):
        reader = ChunkedReader()
        assert feed_pieces(reader.feed, pieces) == b"a"
        assert reader.complete
        assert reader.trailers == (
            (b"x-one", b"1"),
            (b"x-two", b"two words"),
            (b"empty", b""),
            (b"x-one", b"again"),
            (b"folded", b"a b c"),
            (b"content-length", b"99"),
            (b"transfer-encoding", b"gzip"),
        )


@pytest.mark.parametrize("one_piece", [True, False])
def test_chunk_size_line_is_bounded(one_piece: bool) -> None:
    line = b"1;" + b"a" * 94 + b"\r\n"
    for limit, fits in ((98, True), (97, False)):
        reader = ChunkedReader(max_line_bytes=limit)
        raw = line + b"x\r\n0\r\n\r\n"
        pieces = [raw] if one_piece else one_by_one(raw)
        if fits:
            assert feed_pieces(reader.feed, pieces) == b"x"
            continue
        with pytest.raises(ProtocolError, match="a chunk-size line of at most 97 bytes, got more"):
            feed_pieces(reader.feed, pieces)


@pytest.mark.parametrize("one_piece", [True, False])
def test_trailer_section_is_bounded(one_piece: bool) -> None:
    section = b"a: 1\r\n" * 16 + b"\r\n"
    for limit, fits in ((98, True), (97, False)):
        reader = ChunkedReader(max_trailer_bytes=limit)
        raw = b"0\r\n" + section
        pieces = [raw] if one_piece else one_by_one(raw)
        if fits:
            feed_pieces(reader.feed, pieces)
            assert len(reader.trailers) == 16
            continue
        with pytest.raises(ProtocolError, match="an empty line of at most 97 bytes, got more"):
            feed_pieces(reader.feed, pieces)


def test_an_endless_line_is_cut_short_without_being_kept() -> None:
    reader = ChunkedReader()
    with pytest.raises(ProtocolError, match="at most 4096 bytes"):
        reader.feed(b"1;" + b"a" * 1_000_000, 0, 1_000_002)
    assert not reader._carry


def test_a_huge_chunk_is_awaited_not_allocated() -> None:
    reader = ChunkedReader()
    assert feed_pieces(reader.feed, [b"ffffffffffffffffffff\r\nsome"]) == b"some"
    with pytest.raises(ProtocolError, match="expected the rest of a chunk"):
        reader.feed_eof()


@pytest.mark.parametrize(
    "raw", [b"x" * 3000, b"1\r\n" + b"secret" * 900, b"0\r\n:" + b"a" * 9000 + b"\r\n\r\n"]
)
def test_errors_show_a_short_excerpt(raw: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        feed_pieces(ChunkedReader().feed, [raw])
    assert len(str(caught.value)) < 120
    assert str(caught.value).endswith("'...")


def test_long_lines_byte_by_byte() -> None:
    line = b"1;" + b"e" * 4000 + b"\r\n"
    raw = (line + b"x\r\n") * 20 + b"0\r\n" + b"a: b\r\n" * 2000 + b"\r\n"
    reader = ChunkedReader()
    assert feed_pieces(reader.feed, one_by_one(raw)) == b"x" * 20
    assert len(reader.trailers) == 2000


def test_a_stale_body_behind_the_end_is_never_taken() -> None:
    # `feed_pieces` surrounds each piece with a whole valid body: it must not complete this one.
    reader = ChunkedReader()
    assert feed_pieces(reader.feed, [b"5\r\nhello\r\n", b"5\r\nhello"]) == b"hellohello"
    assert STALE.endswith(b"0\r\n\r\n")
    assert not reader.complete
