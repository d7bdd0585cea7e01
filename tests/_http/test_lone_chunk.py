"""A chunk that comes alone: known by its looks, and then what the reader would make of it."""

import gzip
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq._http import chunked
from trio_groq._http.chunked import ChunkedReader, LoneChunk
from trio_groq._http.exchange import Exchange
from trio_groq._http.messages import Origin, Request
from trio_groq.errors import ProtocolError

BEGINS, ENDS = b"data: ", b"\n\n"
STALE = b"\r\n5\r\nstale\r\n0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PARTS = [b"data: ", b"data: x", b"\n\n", b"\n", b"\r\n", b"0", b"1", b"9", b"a", b"A", b";x", b""]


def framed(payload: bytes, line: str = "%x") -> bytes:
    return (line % len(payload)).encode() + b"\r\n" + payload + b"\r\n"


def inner(data: bytes, lone: LoneChunk | None = None) -> bytes | bytearray | None:
    """What is found in `data`, behind which there are bytes of an earlier receive."""
    return (lone or LoneChunk(BEGINS, ENDS)).inner(bytearray(data + STALE), len(data))


def read(data: bytes) -> tuple[bytes, bool]:
    """The payload, and whether it is one chunk, whole, after which another may come."""
    reader = ChunkedReader()
    spans = reader.feed(data, 0, len(data))
    is_one = len(spans) == 1 and reader.between_chunks
    return b"".join(data[start:end] for _, start, end in spans), is_one


@pytest.mark.parametrize("size", [0, 1, 7, 8, 0xFE - 8, 0xFF - 8, 0x100 - 8, 300, 4087])
def test_it_is_known_by_its_looks(size: int) -> None:
    lone = LoneChunk(BEGINS, ENDS)
    text = b"x" * size
    for _ in range(2):  # the second time, the length has come before
        assert inner(framed(BEGINS + text + ENDS), lone) == text


def test_what_is_found_is_a_copy() -> None:
    data = bytearray(framed(BEGINS + b"token" + ENDS))
    found = LoneChunk(BEGINS, ENDS).inner(data, len(data))
    data[:] = bytes(len(data))
    assert found == b"token"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0\r\n\r\n",
        b"\r\n" + BEGINS + ENDS + b"\r\n",
        framed(BEGINS + b"token" + ENDS)[:-1],
        framed(BEGINS + b"token" + ENDS)[:-2],
        framed(BEGINS + b"token" + ENDS) + b"0\r\n\r\n",
        framed(BEGINS + b"token" + ENDS) * 2,
        framed(BEGINS + b"token\n"),
        framed(b"event: x\ndata: token" + ENDS),
        framed(b"data:\n\n"),
        framed(BEGINS + b"x" * 8 + ENDS, "0%x"),
        framed(BEGINS + b"x" * 18 + ENDS, "%X"),  # 1A: read, but not at a glance
        framed(BEGINS + b"x" * 8 + ENDS, "%x;a"),
        framed(BEGINS + b"x" * 4088 + ENDS),  # 1000: four digits
        framed(BEGINS + b"x" * 8 + ENDS).replace(b"\n\n\r\n", b"\n\n\rX"),
    ],
)
def test_anything_else_is_not_it(data: bytes) -> None:
    assert inner(data) is None


@given(st.lists(st.sampled_from(PARTS), max_size=8).map(b"".join), st.integers(-2, 2))
@settings(deadline=None, max_examples=300)
def test_the_reader_makes_the_same_of_it(payload: bytes, wrong: int) -> None:
    data = b"%x\r\n%b\r\n" % (max(len(payload) + wrong, 0), payload)
    found = inner(data)
    if found is not None:
        assert read(data) == (BEGINS + found + ENDS, True)
    elif not wrong and payload.startswith(BEGINS) and payload[len(BEGINS) :].endswith(ENDS):
        pytest.fail(f"expected {data!r} to be known")


def test_lengths_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked, "_MAX_SIZES", 3)
    lone = LoneChunk(BEGINS, ENDS)
    for size in range(20):
        assert inner(framed(BEGINS + b"x" * size + ENDS), lone) == b"x" * size
    assert len(lone._openings) == 3


# -- offered by an exchange


class Glances:
    """Takes whatever it is offered, and notes it; or refuses all."""

    def __init__(self, *, takes: bool = True) -> None:
        self.seen: list[bytes] = []
        self.takes = takes

    def __call__(self, buffer: bytes | bytearray, end: int) -> bool:
        self.seen.append(bytes(buffer[:end]))
        return self.takes


def begun(*pieces: bytes, **kwargs: Any) -> Exchange:
    exchange = Exchange(Request(Origin("http", "groq.test", 80), b"POST", b"/"), **kwargs)
    for piece in pieces:
        exchange.receive(piece, 0, len(piece))
    return exchange


EVENT = framed(BEGINS + b"token" + ENDS)


@pytest.mark.parametrize(
    "before", [b"", EVENT, EVENT * 2, framed(b"x", "%x;y"), b"8\r\n12345678\r\n"]
)
def test_it_is_offered_where_a_chunk_begins(before: bytes) -> None:
    exchange, glance = begun(CHUNKED, before), Glances()
    assert exchange.offer(glance, EVENT + STALE, len(EVENT))
    assert glance.seen == [EVENT]
    assert exchange.received == f"status 200 and {len(before) + len(EVENT)} bytes of body"
    assert exchange.receive(EVENT, 0, len(EVENT)), "the reader is where it was"
    exchange.receive(b"0\r\n\r\n", 0, 5)
    assert exchange.reusable


def test_what_is_refused_is_received() -> None:
    exchange, glance = begun(CHUNKED), Glances(takes=False)
    assert not exchange.offer(glance, EVENT, len(EVENT))
    assert glance.seen == [EVENT]
    assert exchange.received == "status 200 and 0 bytes of body"
    ((_, start, end),) = exchange.receive(EVENT, 0, len(EVENT))
    assert EVENT[start:end] == BEGINS + b"token" + ENDS


@pytest.mark.parametrize("cut", range(1, len(EVENT)))
def test_it_is_not_offered_within_a_chunk(cut: int) -> None:
    exchange, glance = begun(CHUNKED, EVENT[:cut]), Glances()
    assert not exchange.offer(glance, EVENT, len(EVENT))
    exchange.receive(EVENT, cut, len(EVENT))
    assert not glance.seen
    assert exchange.offer(glance, EVENT, len(EVENT))


@pytest.mark.parametrize(
    "before",
    [
        (),
        (CHUNKED[:-2],),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\n\r\n",),
        (CHUNKED, b"0\r\n\r\n"),
        (CHUNKED, b"0\r\n"),
        (CHUNKED, b"0\r\n\r\n", b"more"),
    ],
)
def test_it_is_not_offered_where_no_chunk_begins(before: tuple[bytes, ...]) -> None:
    exchange, glance = begun(*before), Glances()
    assert not exchange.offer(glance, EVENT, len(EVENT))
    assert not glance.seen


def test_it_is_not_offered_after_a_violation() -> None:
    exchange, glance = begun(CHUNKED), Glances()
    with pytest.raises(ProtocolError):
        exchange.receive(b"zz\r\n", 0, 4)
    assert not exchange.offer(glance, EVENT, len(EVENT))
    assert not glance.seen


def test_what_has_to_be_decoded_is_not_offered() -> None:
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
    exchange, glance = begun(head), Glances()
    data = framed(gzip.compress(BEGINS + b"token" + ENDS))
    assert not exchange.offer(glance, data, len(data))
    assert not glance.seen
    assert exchange.receive(data, 0, len(data))
