"""Body readers against h11: the same bytes, in any split, and the recorded conformance cases."""

import re
from typing import NamedTuple

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_pieces import cut, cuts, feed_pieces, one_by_one
from shared_data import json_lines, needs_shared_data, unbase64
from trio_groq._http.framing import BodyReader, ChunkedReader, select_body_reader
from trio_groq._http.messages import Span
from trio_groq.errors import ProtocolError

Fields = list[tuple[bytes, bytes]]

CHUNKED = (b"transfer-encoding", b"chunked")


class Outcome(NamedTuple):
    payload: bytes
    error: str | None
    reusable: bool
    trailers: Fields


def ours(reader: BodyReader, reusable: bool, pieces: list[bytes]) -> Outcome:
    """What we make of a body and, if it is not complete then, the end of the connection."""
    payload, error = bytearray(), None

    def feed(buffer: bytearray, start: int, end: int) -> list[Span]:
        try:
            return reader.feed(buffer, start, end)
        except ProtocolError:
            for source, first, last in reader.salvaged:
                payload.extend(source[first:last])
            raise

    try:
        feed_pieces(feed, pieces, payload)
        if not reader.complete:
            reader.feed_eof()
    except ProtocolError as raised:
        error = str(raised)
    trailers = list(reader.trailers) if isinstance(reader, ChunkedReader) else []
    return Outcome(
        bytes(payload), error, error is None and reusable and not reader.excess, trailers
    )


def h11_after_head(head: bytes, method: bytes = b"GET") -> tuple[h11.Connection, h11.Response]:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(head)
    event = connection.next_event()
    while isinstance(event, h11.InformationalResponse):
        event = connection.next_event()
    if not isinstance(event, h11.Response):
        raise h11.RemoteProtocolError("no response head")
    return connection, event


def theirs(connection: h11.Connection, pieces: list[bytes]) -> Outcome:
    """What h11 makes of the same."""
    payload = bytearray()
    end: h11.EndOfMessage | None = None

    def drain() -> None:
        nonlocal end
        while end is None:
            event = connection.next_event()
            if isinstance(event, h11.Data):
                payload.extend(event.data)
            elif isinstance(event, h11.EndOfMessage):
                end = event
            else:
                return

    try:
        drain()
        for piece in pieces:
            connection.receive_data(piece)
            drain()
        if end is None:
            connection.receive_data(b"")
            drain()
    except h11.RemoteProtocolError as raised:
        return Outcome(bytes(payload), str(raised), reusable=False, trailers=[])
    assert end is not None
    reusable = (
        connection.our_state is h11.DONE
        and connection.their_state is h11.DONE
        and connection.trailing_data == (b"", False)
    )
    return Outcome(bytes(payload), None, reusable, list(end.headers))


def assert_agreement(head_fields: Fields, body: bytes, points: list[int]) -> Outcome:
    """Both sides get the same head, and the same body in the same pieces."""
    head = b"".join(b"%s: %s\r\n" % field for field in head_fields)
    connection, response = h11_after_head(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
    reader, reusable = select_body_reader(b"GET", 200, "1.1", list(response.headers))
    pieces = cut(body, points)
    mine, other = ours(reader, reusable, pieces), theirs(connection, pieces)
    if mine.error is None and LAXER.search(body):
        return mine
    if mine.error is not None and mine.error.startswith(STRICTER):
        assert other.payload.startswith(mine.payload)
        return mine
    assert mine.payload == other.payload
    assert (mine.error is None) == (other.error is None), (mine, other)
    assert mine.reusable == other.reusable
    assert mine.trailers == other.trailers
    return mine


STRICTER = (
    # h11 lets CR and control characters stand in an extension; RFC 9112, 7.1.1 does not.
    "chunk extension:",
    # h11 takes a bare LF for a line's end among the trailers, and control characters in values.
    # A sender's LF that only one of two readers takes for an end is how responses are smuggled.
    "trailer",
)
LAXER = re.compile(
    # h11 validates framing fields among the trailers: they have no meaning there (RFC 9110, 6.5.1).
    rb"\n(?:content-length|transfer-encoding):",
    re.IGNORECASE,
)

# Bytes that mean something to the framing are frequent among the payload's, and in mutations.
TELLING = st.sampled_from([b"\r", b"\n", b"\r\n", b"0", b"5", b"a", b";", b" ", b"+", b"x", b":"])
PAYLOAD = (
    st.lists(TELLING | st.binary(max_size=20), min_size=1, max_size=6).map(b"".join).filter(bool)
)
SIZE_FORMATS = st.sampled_from(["%x", "%X", "%04x", "%020X"])
EXTENSIONS = st.sampled_from(
    [b"", b"", b"", b";a", b";a=b", b';q="x; y"', b"  ", b"\t", b"; \t", b";\xe9"]
)
FIELD_LINES = st.sampled_from(
    [b"X-One: 1\r\n", b"x-two:\t2 \r\n", b"empty:\r\n", b"folded: a\r\n  b\r\n", b"l: \xe9\r\n"]
)


@st.composite
def chunked_bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A valid body and its payload."""
    raw, payload = b"", b""
    for data in draw(st.lists(PAYLOAD, max_size=5)):
        size = (draw(SIZE_FORMATS) % len(data)).encode()
        raw += size + draw(EXTENSIONS) + b"\r\n" + data + b"\r\n"
        payload += data
    raw += draw(st.sampled_from([b"0", b"000"])) + draw(EXTENSIONS) + b"\r\n"
    return raw + b"".join(draw(st.lists(FIELD_LINES, max_size=3))) + b"\r\n", payload


@st.composite
def mutated(draw: st.DrawFn, raw: bytes) -> bytes:
    """`raw` with a few bytes deleted, inserted or replaced."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        removed = draw(st.integers(0, 2))
        raw = raw[:at] + draw(TELLING | st.just(b"")) + raw[at + removed :]
    return raw


@given(body=chunked_bodies(), points=cuts(), excess=st.sampled_from([b"", b"", b"\r\n", b"H"]))
@settings(deadline=None, max_examples=200)
def test_valid_chunked_bodies_as_h11(
    body: tuple[bytes, bytes], points: list[int], excess: bytes
) -> None:
    raw, payload = body
    outcome = assert_agreement([CHUNKED], raw + excess, points)
    assert outcome.error is None
    assert outcome.payload == payload
    assert outcome.reusable is (excess == b"")


@given(data=st.data(), body=chunked_bodies(), points=cuts())
@settings(deadline=None, max_examples=400)
def test_mutated_chunked_bodies_as_h11(
    data: st.DataObject, body: tuple[bytes, bytes], points: list[int]
) -> None:
    assert_agreement([CHUNKED], data.draw(mutated(body[0])), points)


@given(body=st.binary(max_size=60), claimed=st.integers(0, 60), points=cuts(60))
@settings(deadline=None, max_examples=100)
def test_lengths_as_h11(body: bytes, claimed: int, points: list[int]) -> None:
    outcome = assert_agreement([(b"content-length", b"%d" % claimed)], body, points)
    assert outcome.payload == body[:claimed]
    assert outcome.reusable is (len(body) == claimed)


@given(body=st.binary(max_size=60), points=cuts(60))
@settings(deadline=None, max_examples=50)
def test_bodies_until_close_as_h11(body: bytes, points: list[int]) -> None:
    assert assert_agreement([], body, points) == (body, None, False, [])


VALUES = st.text("0123, \tx+-_", max_size=8).map(str.strip) | st.sampled_from(
    ["chunked", "5", "gzip"]
)
FRAMING_FIELDS = st.lists(
    st.tuples(st.sampled_from([b"content-length", b"transfer-encoding"]), VALUES.map(str.encode)),
    max_size=3,
)


@given(
    fields=FRAMING_FIELDS,
    method=st.sampled_from([b"GET", b"HEAD"]),
    status=st.sampled_from([200, 204, 304, 500]),
)
@settings(deadline=None, max_examples=300)
def test_heads_as_h11(fields: Fields, method: bytes, status: int) -> None:
    head = b"HTTP/1.1 %d \r\n" % status + b"".join(b"%s: %s\r\n" % field for field in fields)
    try:
        connection, _ = h11_after_head(head + b"\r\n", method)
    except h11.RemoteProtocolError:
        with pytest.raises(ProtocolError):
            select_body_reader(method, status, "1.1", fields)
        return
    reader, _ = select_body_reader(method, status, "1.1", fields)
    outcome = theirs(connection, [])
    mine = ours(reader, reusable=True, pieces=[])
    assert (mine.error is None) == (outcome.error is None)


CASES = {case["name"]: case for case in json_lines("http1/http1_cases.jsonl")}


@needs_shared_data
@pytest.mark.parametrize("name", CASES)
def test_recorded_cases(name: str) -> None:
    case = CASES[name]
    method = case["method"].encode()
    try:
        connection, response = h11_after_head(unbase64(case["raw_b64"]), method)
    except h11.RemoteProtocolError:
        assert case["expect"] == "error" or case["rfc"] == "may"
        return  # h11 refuses the head; what follows it never reaches a body reader
    version = response.http_version.decode()
    fields = list(response.headers)
    persistent = connection.our_state is not h11.MUST_CLOSE
    body, _ = connection.trailing_data
    for pieces in [[body], one_by_one(body[:5000])] if body else [[]]:
        reader, reusable = select_body_reader(method, response.status_code, version, fields)
        outcome = ours(reader, reusable and persistent, pieces)
        if case["expect"] == "error":
            # Either the framing is broken, or the head's faults are for others to find.
            assert outcome.error is not None or case.get("error_stage") != "body"
            continue
        if len(body) <= 5000 or len(pieces) == 1:
            assert outcome.error is None
            assert outcome.payload == unbase64(case["body_b64"])
            assert outcome.reusable is case["reusable"]
