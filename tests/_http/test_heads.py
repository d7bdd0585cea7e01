"""Response heads: what the pattern reads it reads as h11 does, and what it does not h11 reads."""

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trio_groq._http.heads import HeadReader, RawHead, read_plain_head, rule_broken
from trio_groq.errors import ProtocolError

PLAIN = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2034 03:04:05 GMT\r\nContent-Length: 5\r\n"
    b"set-cookie:a=b; Path=/\r\nX-Request-Id:\t req_1\r\nSet-Cookie: c\xe9 =\td\r\n\r\n"
)
FIELDS = [
    (b"date", b"Mon, 02 Jan 2034 03:04:05 GMT"),
    (b"content-length", b"5"),
    (b"set-cookie", b"a=b; Path=/"),
    (b"x-request-id", b"req_1"),
    (b"set-cookie", b"c\xe9 =\td"),
]
ODD = {
    "line feeds only": PLAIN.replace(b"\r\n", b"\n"),
    "one line feed": PLAIN.replace(b"5\r\n", b"5\n"),
    "a folded line": PLAIN.replace(b"GMT\r\n", b"GMT\r\n and later\r\n"),
    "a field without a value": PLAIN.replace(b"\t req_1", b""),
    "space after a value": PLAIN.replace(b"5\r\n", b"5 \t\r\n"),
    "a long name": PLAIN.replace(b"Date", b"D" * 65),
    "a list of lengths": PLAIN.replace(b": 5\r\n", b": 5, 5\r\n"),
    "a coding in capitals": PLAIN.replace(b"Content-Length: 5", b"Transfer-Encoding: Chunked"),
    "an informational response": b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN,
    "a strange status": PLAIN.replace(b"200", b"600"),
    "another version": PLAIN.replace(b"HTTP/1.1", b"HTTP/1.2"),
}
BROKEN = {
    "space before the colon": PLAIN.replace(b"Date:", b"Date :"),
    "no colon": PLAIN.replace(b"Date:", b"Date"),
    "no name": PLAIN.replace(b"Date:", b":"),
    "a control character": PLAIN.replace(b"req_1", b"req\x01"),
    "a lone carriage return": PLAIN.replace(b"req_1", b"req\r1"),
    "a NUL": PLAIN.replace(b"req_1", b"req\x001"),
    "a DEL": PLAIN.replace(b"req_1", b"req\x7f1"),
    "no status": PLAIN.replace(b"200 ", b""),
    "another protocol": PLAIN.replace(b"HTTP", b"ICY "),
}


def read_by_h11(data: bytes) -> tuple[RawHead | None, bytes]:
    reader = HeadReader(b"GET", max_bytes=65_536, max_informational=8)
    return reader.feed(data), reader.rest


def test_a_plain_head_is_read_where_it_stands() -> None:
    data = b"before" + PLAIN + b"after"
    for buffer in (data, bytearray(data)):
        assert read_plain_head(buffer, 6, len(data)) == ((200, "1.1", FIELDS), 6 + len(PLAIN))


@pytest.mark.parametrize(
    "line", [b"HTTP/1.0 404 Not \xff\tFound", b"HTTP/1.1 599", b"HTTP/1.1 204 "]
)
def test_status_lines(line: bytes) -> None:
    data = line + b"\r\n\r\nrest"
    found = read_plain_head(data, 0, len(data))
    assert found is not None
    assert (found[0], data[found[1] :]) == read_by_h11(data)


@pytest.mark.parametrize("end", range(1, len(PLAIN)))
def test_a_head_in_part_is_left_to_h11(end: int) -> None:
    assert read_plain_head(PLAIN, 0, end) is None
    reader = HeadReader(b"GET", max_bytes=65_536, max_informational=8)
    assert reader.feed(PLAIN[:end]) is None
    assert reader.feed(PLAIN[end:]) == (200, "1.1", FIELDS)
    assert reader.received == len(PLAIN)


@pytest.mark.parametrize("what", ODD)
def test_an_odd_head_is_left_to_h11(what: str) -> None:
    assert read_plain_head(ODD[what], 0, len(ODD[what])) is None
    head, rest = read_by_h11(ODD[what])
    assert head is not None
    assert len(head[2]) == len(FIELDS)
    assert rest == b""


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_head_is_told_by_h11(what: str) -> None:
    assert read_plain_head(BROKEN[what], 0, len(BROKEN[what])) is None
    with pytest.raises(ProtocolError, match=r"^response head"):
        read_by_h11(BROKEN[what])


@pytest.mark.parametrize(
    ("head", "rule"),
    [
        (b"HTTP/1.1 200 OK\r\nAuthorization Bearer hunter2\r\n\r\n", "illegal header line"),
        (b"HTTP/1.1 200 OK\r\n hunter2\r\n\r\n", "continuation line at start of headers"),
        (b"HTTP/1.1 hunter2\r\n\r\n", "illegal status line"),
        (b"\x05hunter2\r\n", "illegal request line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: hunter2\r\n\r\n", "bad Content-Length"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: hunter2\r\n\r\n",
            "Only Transfer-Encoding: chunked is supported",
        ),
    ],
)
def test_a_broken_head_is_told_without_its_lines(head: bytes, rule: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        read_by_h11(head)
    assert str(caught.value) == f"response head: expected HTTP/1.1, got {rule}"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_rule_that_is_not_known_is_not_told() -> None:
    assert rule_broken(h11.RemoteProtocolError("hunter2 is no header")) == "something else"
    assert rule_broken(h11.RemoteProtocolError("illegal header line: hunter2")) == (
        "illegal header line"
    )


LINES = st.lists(
    st.tuples(
        st.sampled_from(
            [b"Date", b"x-ratelimit-limit-tokens", b"A!#$%&'*+.^_`|~9", b"Content-Type"]
        ),
        st.sampled_from([b":", b": ", b":\t ", b" :", b""]),
        st.binary(max_size=6) | st.sampled_from([b"", b"text/plain", b"a  b", b"\xe9", b" x "]),
        st.sampled_from([b"\r\n", b"\n", b" \r\n", b"\r\n ", b"\r"]),
    ).map(b"".join),
    max_size=4,
).map(b"".join)


@given(
    st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 500\r\n", b"HTTP/1.1 200 OK\n"]),
    LINES,
    st.sampled_from([b"\r\n", b"\n", b""]),
    st.binary(max_size=4),
)
@example(b"HTTP/1.1 200 OK\r\n", b"Date: now\r\n", b"\r\n", b"\r\n\r\n")
def test_whatever_the_pattern_reads_h11_reads_alike(
    status: bytes, lines: bytes, end: bytes, body: bytes
) -> None:
    data = status + lines + end + body
    found = read_plain_head(data, 0, len(data))
    if found is not None:
        assert (found[0], data[found[1] :]) == read_by_h11(data)
