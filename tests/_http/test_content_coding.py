"""Content decoders: any split, every truncation, and what a hostile body may cost."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from email.parser import BytesHeaderParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_pieces import cut, cuts, feed_pieces, one_by_one
from shared_data import DATA, json_lines, needs_shared_data, unbase64
from trio_groq._http.content_coding import (
    DEFAULT_MAX_RATIO,
    RATIO_FLOOR_BYTES,
    ContentDecoder,
    accepted_codings,
    select_decoder,
)
from trio_groq.errors import ProtocolError

TEXT = b'{"object":"chat.completion","x":"' + b"ab" * 500 + b'"}'
MIB = 1024 * 1024


def raw_deflate(data: bytes, level: int = 6) -> bytes:
    compressor = zlib.compressobj(level, wbits=-15)
    return compressor.compress(data) + compressor.flush()


def small_window(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=9)
    return compressor.compress(data) + compressor.flush()


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip, stored": ("gzip", lambda data: gzip.compress(data, 0)),
    "zlib": ("deflate", zlib.compress),
    "zlib, stored": ("deflate", lambda data: zlib.compress(data, 0)),
    "zlib, small window": ("deflate", small_window),
    "raw deflate": ("deflate", raw_deflate),
    "raw deflate, stored": ("deflate", lambda data: raw_deflate(data, 0)),
}


def decoder(coding: str, limit: int | None = None, ratio: float = 200) -> ContentDecoder:
    selected = select_decoder(coding, max_decoded_bytes=limit, max_ratio=ratio)
    assert selected is not None
    return selected


def decode(coding: str, pieces: list[bytes], limit: int | None = None) -> bytes:
    selected = decoder(coding, limit)
    payload = feed_pieces(selected.feed, pieces)
    assert selected.finish() == []
    return payload


@pytest.mark.parametrize("value", [None, "", " ", ",", "identity", "Identity", " identity\t"])
def test_no_coding(value: str | None) -> None:
    assert select_decoder(value) is None


@pytest.mark.parametrize("value", ["gzip", "GZIP", "x-gzip", "X-GZip", " gzip ", "gzip,", ", gzip"])
def test_names_of_gzip(value: str) -> None:
    assert decode(value, [gzip.compress(TEXT)]) == TEXT


@pytest.mark.parametrize("value", ["deflate", "Deflate"])
def test_names_of_deflate(value: str) -> None:
    assert decode(value, [zlib.compress(TEXT)]) == TEXT


@pytest.mark.parametrize(
    "value",
    [
        "brotli",
        "zst",
        "compress",
        "x-deflate",
        "gzip;q=1",
        "gzip gzip",
        "gz\u0131p",
        "gzip, gzip",
        "identity, gzip",
        ", ".join(["gzip"] * 100),
    ],
)
def test_other_codings_are_refused(value: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        select_decoder(value)
    assert str(caught.value) == (
        f"Content-Encoding: expected {accepted_codings()} or identity, got {value[:40]!r}"
    )


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_no_bytes_are_an_empty_body(coding: str) -> None:
    assert decode(coding, []) == b""
    assert decode(coding, [b"", b""]) == b""


@pytest.mark.parametrize("name", ENCODERS)
def test_large_bodies(name: str) -> None:
    coding, encode = ENCODERS[name]
    text = b"".join(b'{"index":%d},' % i for i in range(60_000))
    encoded = encode(text)
    assert decode(coding, [encoded]) == text
    assert decode(coding, cut(encoded, range(0, len(encoded), 777))) == text


@given(name=st.sampled_from(sorted(ENCODERS)), text=st.binary(max_size=300), points=cuts(300))
@settings(deadline=None, max_examples=200)
def test_any_split_decodes_to_the_same(name: str, text: bytes, points: list[int]) -> None:
    coding, encode = ENCODERS[name]
    encoded = encode(text)
    assert decode(coding, cut(encoded, points)) == text
    assert decode(coding, one_by_one(encoded)) == text


@given(name=st.sampled_from(sorted(ENCODERS)), text=st.binary(max_size=300), data=st.data())
@settings(deadline=None, max_examples=200)
def test_truncation_anywhere_is_an_error(name: str, text: bytes, data: st.DataObject) -> None:
    coding, encode = ENCODERS[name]
    encoded = encode(text)
    kept = data.draw(st.integers(1, len(encoded) - 1))
    selected = decoder(coding)
    decoded = feed_pieces(selected.feed, cut(encoded[:kept], data.draw(cuts(300))))
    assert text.startswith(decoded)
    with pytest.raises(ProtocolError) as caught:
        selected.finish()
    assert str(caught.value) == (
        f"{coding} content: expected the rest of the compressed stream, "
        f"got the end of the body after {kept} bytes"
    )


@given(texts=st.lists(st.binary(max_size=100), max_size=5), points=cuts(400))
@settings(deadline=None, max_examples=100)
def test_gzip_members_are_joined(texts: list[bytes], points: list[int]) -> None:
    encoded = b"".join(map(gzip.compress, texts))
    assert decode("gzip", cut(encoded, points)) == b"".join(texts)


@pytest.mark.parametrize("padding", [b"\0", b"\0" * 512, b"garbage", b"\r\n"])
def test_gzip_is_followed_by_members_only(padding: bytes) -> None:
    encoded = gzip.compress(TEXT) + padding
    for pieces in ([encoded], one_by_one(encoded)):
        with pytest.raises(ProtocolError, match=r"^gzip content: expected"):
            decode("gzip", pieces)


def test_a_cut_off_second_member_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="expected the rest of the compressed stream"):
        decode("gzip", [gzip.compress(TEXT) + gzip.compress(TEXT)[:12]])


@pytest.mark.parametrize("encode", [zlib.compress, raw_deflate])
def test_nothing_follows_deflate(encode: Callable[[bytes], bytes]) -> None:
    encoded = encode(TEXT)
    for pieces in ([encoded + encoded], [encoded, encoded], one_by_one(encoded + b"\0")):
        with pytest.raises(ProtocolError, match=r"^deflate content: expected the end of the body"):
            decode("deflate", pieces)


@pytest.mark.parametrize(
    ("coding", "encoded", "reason"),
    [
        ("gzip", TEXT, "incorrect header check"),
        ("gzip", zlib.compress(TEXT), "incorrect header check"),
        ("gzip", b"\x1f\x8b\x07" + gzip.compress(TEXT)[3:], "unknown compression method"),
        ("gzip", gzip.compress(TEXT)[:-8] + bytes(8), "incorrect data check"),
        ("gzip", gzip.compress(TEXT)[:-4] + bytes(4), "incorrect length check"),
        ("deflate", zlib.compress(TEXT)[:-4] + bytes(4), "incorrect data check"),
        ("deflate", b"x\x00" + zlib.compress(TEXT)[2:], "incorrect header check"),
        ("deflate", b"\xff" * 20, "invalid block type"),
    ],
)
def test_damaged_streams(coding: str, encoded: bytes, reason: str) -> None:
    for pieces in ([encoded], one_by_one(encoded)):
        with pytest.raises(ProtocolError, match=reason) as caught:
            decode(coding, pieces)
        assert str(caught.value).startswith(f"{coding} content: expected a valid compressed stream")
        assert isinstance(caught.value.__cause__, zlib.error)


@given(data=st.data(), level=st.integers(0, 9), text=st.binary(max_size=200))
@settings(deadline=None, max_examples=100)
def test_a_bare_stream_never_looks_wrapped(data: st.DataObject, level: int, text: bytes) -> None:
    assert raw_deflate(text, level)[0] & 0x0F != 8
    assert decode("deflate", [raw_deflate(text, level)]) == text


@pytest.mark.parametrize(("coding", "wbits"), [("gzip", 31), ("deflate", 15), ("deflate", -15)])
def test_each_flushed_event_comes_at_once(coding: str, wbits: int) -> None:
    compressor = zlib.compressobj(wbits=wbits)
    selected = decoder(coding)
    for number in range(300):
        event = b'data: {"n":%d}\n\n' % number
        piece = compressor.compress(event) + compressor.flush(zlib.Z_SYNC_FLUSH)
        assert feed_pieces(selected.feed, [piece]) == event
    assert feed_pieces(selected.feed, [compressor.flush()]) == b""
    assert selected.finish() == []


def test_nothing_stays_behind_when_a_piece_is_just_full() -> None:
    # Each byte stands for a thousand, so some prefix fills a piece with output left inside zlib.
    encoded = zlib.compress(b"a" * 200_000)
    for kept in range(len(encoded) + 1):
        expected = zlib.decompressobj().decompress(encoded[:kept])
        assert feed_pieces(decoder("deflate").feed, [encoded[:kept]]) == expected


def test_pieces_are_small() -> None:
    encoded = gzip.compress(b"a" * MIB)
    spans = decoder("gzip").feed(encoded, 0, len(encoded))
    assert [end - start for _, start, end in spans] == [64 * 1024] * 16


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("one_piece", [True, False])
def test_decoded_size_is_limited(coding: str, one_piece: bool) -> None:
    encoded = (gzip if coding == "gzip" else zlib).compress(b"a" * 100_000)
    pieces = [encoded] if one_piece else one_by_one(encoded)
    assert decode(coding, pieces, limit=100_000) == b"a" * 100_000
    with pytest.raises(ProtocolError) as caught:
        decode(coding, pieces, limit=99_999)
    assert str(caught.value) == (
        f"{coding} content: expected at most 99999 bytes once decoded, got more"
    )


def test_the_size_limit_counts_all_members() -> None:
    encoded = gzip.compress(b"a" * 60) * 2
    assert decode("gzip", [encoded], limit=120) == b"a" * 120
    with pytest.raises(ProtocolError, match="at most 119 bytes"):
        decode("gzip", [encoded], limit=119)


def test_a_limit_of_nothing() -> None:
    assert decode("gzip", [gzip.compress(b"")], limit=0) == b""
    with pytest.raises(ProtocolError, match="at most 0 bytes"):
        decode("gzip", [gzip.compress(b"a")], limit=0)


def test_ratio_is_limited_beyond_a_floor() -> None:
    below = gzip.compress(b"a" * RATIO_FLOOR_BYTES)
    assert len(decode("gzip", [below])) == RATIO_FLOOR_BYTES > 900 * len(below)
    beyond = gzip.compress(b"a" * (2 * RATIO_FLOOR_BYTES))
    with pytest.raises(ProtocolError, match="expected at most 200 decoded bytes for each encoded"):
        decode("gzip", [beyond])


def test_ratio_of_long_streams_is_allowed() -> None:
    # The same keys in each event and little else: the shape of a recorded stream, but longer.
    text = b"".join(
        b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,'
        b'"model":"m","choices":[{"index":0,"delta":{"content":" t%d"},"finish_reason":null}]}\n\n'
        % (i * i)
        for i in range(40_000)
    )
    encoded = zlib.compress(text, 9)
    assert len(text) > RATIO_FLOOR_BYTES
    assert DEFAULT_MAX_RATIO > 5 * len(text) / len(encoded) > 50
    assert decode("deflate", [encoded]) == text


def pieces_of_a_bomb(mebibytes: int) -> Iterator[bytes]:
    compressor = zlib.compressobj(9, wbits=31)
    for _ in range(mebibytes):
        yield compressor.compress(bytes(MIB))
    yield compressor.flush()


@pytest.mark.parametrize(("limit", "ratio"), [(None, 200), (3 * MIB, 10_000)])
def test_a_bomb_is_stopped_within_bounded_memory(limit: int | None, ratio: float) -> None:
    bomb = b"".join(pieces_of_a_bomb(64))
    selected = decoder("gzip", limit, ratio)
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match=r"^gzip content: expected at most"):
            selected.feed(bomb, 0, len(bomb))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < RATIO_FLOOR_BYTES + MIB


def test_what_is_allowed_needs_little_memory_beyond_one_feed() -> None:
    encoded = b"".join(pieces_of_a_bomb(64))
    selected = decoder("gzip", None, 10_000)
    size = 0
    tracemalloc.start()
    try:
        for position in range(0, len(encoded), 1024):
            spans = selected.feed(encoded, position, min(position + 1024, len(encoded)))
            size += sum(end - start for _, start, end in spans)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 64 * MIB
    assert peak < 4 * MIB


def test_a_flood_of_empty_members_is_linear_work(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    class Counting:
        def __init__(self, wbits: int) -> None:
            self.real = REAL(wbits)

        def decompress(self, data: bytes, size: int) -> bytes:
            taken.append(len(data))
            return self.real.decompress(data, size)

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

    REAL = zlib.decompressobj  # noqa: N806 (the function that is replaced)
    monkeypatch.setattr(zlib, "decompressobj", Counting)
    assert decode("gzip", [gzip.compress(b"") * 5000]) == b""
    # One call for each member, two where a step's end cuts it; none sees more than one step.
    assert len(taken) < 5000 * 1.01
    assert max(taken) <= 4096


@needs_shared_data
def test_recorded_bodies() -> None:
    recorded = sorted((DATA / "groq" / "raw_encoded").glob("*.gzip"))
    assert recorded
    for path in recorded:
        encoded = path.read_bytes()
        for pieces in ([encoded], one_by_one(encoded)):
            text = decode("gzip", pieces)
            assert text == gzip.decompress(encoded)
            assert "object" in json.loads(text)


CASES = {
    case["name"]: case
    for case in json_lines("http1/http1_cases.jsonl")
    if case["name"].startswith("ce-")
}


@needs_shared_data
@pytest.mark.parametrize("name", CASES)
def test_recorded_cases(name: str) -> None:
    case = CASES[name]
    _, _, head = unbase64(case["raw_b64"]).partition(b"\r\n")
    coding = BytesHeaderParser().parsebytes(head.partition(b"\r\n\r\n")[0])["Content-Encoding"]
    body = unbase64(case["body_b64"])
    limit = (case.get("limits") or {}).get("max_decoded_bytes")

    def decoded() -> bytes:
        selected = select_decoder(coding, max_decoded_bytes=limit)
        if selected is None:
            return body
        payload = feed_pieces(selected.feed, [body])
        selected.finish()
        return payload

    if case["decoded"] == "error":
        with pytest.raises(ProtocolError):
            decoded()
    else:
        assert decoded() == unbase64(case["decoded"] or "")
