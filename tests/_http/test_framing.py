"""Which reader a head selects, and the two plain ones. `test_framing_as_h11` compares with h11."""

import pytest

from byte_pieces import feed_pieces
from trio_groq._http.framing import (
    ChunkedReader,
    ContentLengthReader,
    UntilCloseReader,
    select_body_reader,
)
from trio_groq.errors import ProtocolError

Fields = list[tuple[bytes, bytes]]

TE = (b"transfer-encoding", b"chunked")
LONG = b"9" * 20


def length(value: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", value)


SELECTED: dict[str, tuple[bytes, int, str, Fields, type, bool]] = {
    "chunked": (b"GET", 200, "1.1", [TE], ChunkedReader, True),
    "chunked, mixed case": (b"GET", 200, "1.1", [(TE[0], b"ChUnKeD")], ChunkedReader, True),
    "chunked and a length": (b"GET", 200, "1.1", [TE, length(b"5")], ChunkedReader, False),
    "length and chunked": (b"GET", 200, "1.1", [length(b"5"), TE], ChunkedReader, False),
    "chunked from a 1.0 server": (b"GET", 200, "1.0", [TE], ChunkedReader, False),
    "length": (b"POST", 200, "1.1", [length(b"5")], ContentLengthReader, True),
    "length from a 1.0 server": (b"GET", 200, "1.0", [length(b"5")], ContentLengthReader, True),
    "length 0": (b"GET", 200, "1.1", [length(b"0")], ContentLengthReader, True),
    "longest length": (b"GET", 200, "1.1", [length(LONG)], ContentLengthReader, True),
    "neither": (b"GET", 200, "1.1", [(b"server", b"x")], UntilCloseReader, False),
    "an error without either": (b"GET", 502, "1.1", [], UntilCloseReader, False),
    "HEAD": (b"HEAD", 200, "1.1", [length(b"5")], ContentLengthReader, True),
    "HEAD, neither": (b"HEAD", 200, "1.1", [], ContentLengthReader, True),
    "HEAD, both": (b"HEAD", 200, "1.1", [TE, length(b"5")], ContentLengthReader, False),
    "informational": (b"GET", 103, "1.1", [], ContentLengthReader, True),
    "204 with a length": (b"GET", 204, "1.1", [length(b"5")], ContentLengthReader, True),
    "304 with a length": (b"GET", 304, "1.1", [length(b"5")], ContentLengthReader, True),
    "304 chunked": (b"GET", 304, "1.1", [TE], ContentLengthReader, True),
    "205 is like any": (b"GET", 205, "1.1", [length(b"5")], ContentLengthReader, True),
    "tunnel": (b"CONNECT", 200, "1.1", [length(b"5")], ContentLengthReader, False),
    "refused tunnel": (b"CONNECT", 407, "1.1", [length(b"5")], ContentLengthReader, True),
}
BODILESS = {"length 0", "HEAD", "HEAD, neither", "HEAD, both", "informational", "tunnel"} | {
    "204 with a length",
    "304 with a length",
    "304 chunked",
}


@pytest.mark.parametrize("name", SELECTED)
def test_selection(name: str) -> None:
    method, status, version, headers, kind, reusable = SELECTED[name]
    reader, leaves_reusable = select_body_reader(method, status, version, headers)
    assert type(reader) is kind
    assert leaves_reusable is reusable
    assert reader.complete is (name in BODILESS)
    assert not reader.excess


@pytest.mark.parametrize(
    "value",
    [
        b"gzip",
        b"gzip, chunked",
        b"chunked, gzip",
        b"identity",
        b"",
        b"chunked, chunked",
        b"chunked;q=1",
        b"chunked\x0b",
        b"xchunked",
    ],
)
def test_other_transfer_codings_are_refused(value: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"^Transfer-Encoding: expected b'chunked', got b'"):
        select_body_reader(b"GET", 200, "1.1", [(b"transfer-encoding", value)])


def test_a_repeated_transfer_coding_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"got b'chunked, chunked'$"):
        select_body_reader(b"GET", 200, "1.1", [TE, TE])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([b"5"], 5),
        ([b"0005"], 5),
        ([b"5", b"5"], 5),
        ([b"5,5", b"5 ,\t5"], 5),
        ([LONG], 10**20 - 1),
        ([b"3", b"4"], "one value"),
        ([b"3, 4"], "one value"),
        ([b"3,"], "one value"),
        ([b"3", b"03"], "one value"),
        ([b""], "at most 20 decimal digits"),
        ([b"-6"], "at most 20 decimal digits"),
        ([b"+6"], "at most 20 decimal digits"),
        ([b"0x4"], "at most 20 decimal digits"),
        ([b"1_0"], "at most 20 decimal digits"),
        ([b"1 0"], "at most 20 decimal digits"),
        ([b"1.0"], "at most 20 decimal digits"),
        ([b"\xd9\xa4"], "at most 20 decimal digits"),
        ([b"\xb2"], "at most 20 decimal digits"),
        ([b"1" * 21], "at most 20 decimal digits"),
    ],
)
def test_content_length_values(values: list[bytes], expected: int | str) -> None:
    headers = [length(value) for value in values]
    if isinstance(expected, str):
        with pytest.raises(ProtocolError, match=f"^Content-Length: expected {expected}, got b"):
            select_body_reader(b"HEAD", 200, "1.1", headers)
        return
    reader, _ = select_body_reader(b"GET", 200, "1.1", headers)
    with pytest.raises(ProtocolError, match=f"^response body: expected {expected} bytes, got"):
        reader.feed_eof()


def test_errors_show_a_short_excerpt() -> None:
    for name in (b"content-length", b"transfer-encoding"):
        with pytest.raises(ProtocolError) as caught:
            select_body_reader(b"GET", 200, "1.1", [(name, b"z" * 5000)])
        assert len(str(caught.value)) < 120


def test_content_length_body() -> None:
    reader = ContentLengthReader(11)
    buffer = bytearray(b"..hello worldHTTP/1.1")
    assert reader.feed(buffer, 2, 2) == []
    (span,) = reader.feed(buffer, 2, 7)
    assert span[0] is buffer
    assert span[1:] == (2, 7)
    assert not reader.complete
    with pytest.raises(ProtocolError) as caught:
        reader.feed_eof()
    assert str(caught.value) == (
        "response body: expected 11 bytes, got the end of the connection after 5"
    )
    assert reader.feed(buffer, 7, 13) == [(buffer, 7, 13)]
    assert reader.complete
    assert not reader.excess
    reader.feed_eof()
    assert reader.feed(buffer, 13, 13) == []
    assert not reader.excess
    assert reader.feed(buffer, 13, 14) == []
    assert reader.excess


def test_content_length_body_with_excess_in_one_piece() -> None:
    reader = ContentLengthReader(3)
    assert feed_pieces(reader.feed, [b"abc\r\n", b""]) == b"abc"
    assert reader.complete
    assert reader.excess


def test_body_until_close() -> None:
    reader = UntilCloseReader()
    assert feed_pieces(reader.feed, [b"all ", b"", b"of it"]) == b"all of it"
    assert not reader.complete
    reader.feed_eof()
    assert reader.complete
    assert not reader.excess
    assert reader.salvaged == []
