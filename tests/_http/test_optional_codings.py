"""br and zstd: whichever package there is, any split, every truncation, and no bomb goes off."""

import importlib
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byte_pieces import cut, cuts, feed_pieces, one_by_one
from trio_groq._http import optional_codings
from trio_groq._http.content_coding import ContentDecoder, accepted_codings, select_decoder
from trio_groq._http.optional_codings import available, decompressor
from trio_groq.errors import ProtocolError

MODULES = {
    "brotli": "br",
    "brotlicffi": "br",
    "compression.zstd": "zstd",
    "backports.zstd": "zstd",
    "zstandard": "zstd",
}
TEXT = b'{"object":"chat.completion","x":"' + b"ab" * 500 + b'"}'
MIB = 1024 * 1024

once = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Package:
    """One package, and nothing else that could do its work."""

    def __init__(self, name: str, module: ModuleType) -> None:
        self.name = name
        self.coding = MODULES[name]
        self.module: Any = module

    def encode(self, data: bytes) -> bytes:
        """The data as one stream or frame."""
        if self.name == "zstandard":
            encoded: bytes = self.module.ZstdCompressor().compress(data)
        elif self.coding == "br":
            encoded = self.module.compress(data, quality=5)
        else:
            encoded = self.module.compress(data)
        return encoded

    def events(self, events: list[bytes]) -> Iterator[bytes]:
        """Each event as it leaves a server that flushes it."""
        if self.coding == "br":
            compressor = self.module.Compressor()
            for event in events:
                yield compressor.process(event) + compressor.flush()
            yield compressor.finish()
        elif self.name == "zstandard":
            compressor = self.module.ZstdCompressor().compressobj()
            for event in events:
                flush = self.module.COMPRESSOBJ_FLUSH_BLOCK
                yield compressor.compress(event) + compressor.flush(flush)
            yield compressor.flush()
        else:
            compressor = self.module.ZstdCompressor()
            for event in events:
                yield compressor.compress(event, compressor.FLUSH_BLOCK)
            yield compressor.flush()

    def decoder(self, limit: int | None = None, ratio: float = 200) -> ContentDecoder:
        selected = select_decoder(self.coding, max_decoded_bytes=limit, max_ratio=ratio)
        assert selected is not None
        return selected

    def decode(self, pieces: list[bytes]) -> bytes:
        selected = self.decoder()
        payload = feed_pieces(selected.feed, pieces)
        assert selected.finish() == []
        return payload


@pytest.fixture
def forgetful() -> Iterator[None]:
    """What is installed is looked for anew, in this test and after it."""
    decompressor.cache_clear()
    yield
    decompressor.cache_clear()


@pytest.fixture(params=MODULES)
def package(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, forgetful: None
) -> Package:
    try:
        module = importlib.import_module(request.param)
    except ImportError:
        pytest.skip(f"{request.param} is not installed")
    for name in MODULES:
        if name != request.param:
            monkeypatch.setitem(sys.modules, name, None)
    return Package(request.param, module)


def test_it_is_offered(package: Package) -> None:
    assert available() == (package.coding,)
    assert accepted_codings() == f"gzip, deflate, {package.coding}"


@pytest.mark.parametrize("size", [0, 1, 1000, 300_000, 2_000_000])
def test_bodies(package: Package, size: int) -> None:
    text = (b"".join(b'{"index":%d},' % number for number in range(size // 12 + 1)))[:size]
    encoded = package.encode(text)
    assert package.decode([encoded]) == text
    assert package.decode(cut(encoded, range(0, len(encoded), 777))) == text


def test_what_compresses_to_nothing_and_to_nothing_less(package: Package) -> None:
    for text in (bytes(1_000_000), b"\x00\xff" * 100_000, bytes(range(256)) * 400):
        assert package.decode([package.encode(text)]) == text


@once
@given(text=st.binary(max_size=300), points=cuts(300))
def test_any_split_decodes_to_the_same(package: Package, text: bytes, points: list[int]) -> None:
    encoded = package.encode(text)
    assert package.decode(cut(encoded, points)) == text
    assert package.decode(one_by_one(encoded)) == text


@once
@given(text=st.binary(max_size=300), data=st.data())
def test_truncation_anywhere_is_an_error(
    package: Package, text: bytes, data: st.DataObject
) -> None:
    encoded = package.encode(text)
    kept = data.draw(st.integers(1, len(encoded) - 1)) if len(encoded) > 1 else 0
    if not kept:
        return
    selected = package.decoder()
    payload = feed_pieces(selected.feed, [encoded[:kept]])
    assert text.startswith(payload)
    with pytest.raises(ProtocolError, match=f"^{package.coding} content: expected the rest"):
        selected.finish()


@once
@given(st.binary(min_size=1, max_size=200))
def test_garbage_is_an_error_or_text(package: Package, garbage: bytes) -> None:
    try:
        package.decode([garbage])
    except ProtocolError as error:
        assert str(error).startswith(f"{package.coding} content: expected ")  # noqa: PT017 (or none)


def test_no_bytes_are_an_empty_body(package: Package) -> None:
    assert package.decode([]) == b""
    assert package.decode([b"", b""]) == b""


def test_each_flushed_event_comes_at_once(package: Package) -> None:
    events = [b'data: {"index":%d}\n\n' % number for number in range(50)]
    selected = package.decoder()
    flushed = list(package.events(events))
    for event, encoded in zip(events, flushed, strict=False):
        assert feed_pieces(selected.feed, [encoded]) == event
    feed_pieces(selected.feed, [flushed[-1]])
    assert selected.finish() == []


def test_what_follows_the_end(package: Package) -> None:
    encoded = package.encode(TEXT)
    if package.coding == "zstd":  # frames are joined
        assert package.decode([encoded + encoded]) == TEXT * 2
        assert package.decode(one_by_one(encoded * 3)) == TEXT * 3
    for pieces in ([encoded + b"rubbish!"], [encoded, b"rubbish!"]):
        with pytest.raises(ProtocolError):
            package.decode(pieces)


@pytest.mark.parametrize("limit", [0, 1, 1000, 200_000, MIB])
def test_the_limit_is_exact(package: Package, limit: int) -> None:
    text = bytes(limit + 1)
    selected = package.decoder(limit)
    assert len(feed_pieces(selected.feed, [package.encode(text[:limit])])) == limit
    with pytest.raises(ProtocolError, match=f"expected at most {limit} bytes once decoded"):
        feed_pieces(package.decoder(limit).feed, [package.encode(text)])


@pytest.mark.parametrize("limit", [MIB, None], ids=["limit", "ratio"])
def test_a_bomb_is_stopped_within_bounded_memory(package: Package, limit: int | None) -> None:
    bomb = package.encode(bytes(64 * MIB))
    assert len(bomb) < MIB // 4
    selected = package.decoder(limit)
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match="expected at most"):
            selected.feed(bomb, 0, len(bomb))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * MIB


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="calls are counted")
def test_a_flood_of_empty_frames_is_linear_work(package: Package) -> None:
    if package.coding != "zstd":
        pytest.skip("brotli has no frames")
    frame = package.encode(b"")
    made = 0
    make = decompressor("zstd")
    assert make is not None
    counted: Callable[[], Any] = make

    def count() -> Any:
        nonlocal made
        made += 1
        return counted()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trio_groq._http.content_coding.decompressor", lambda _: count)
        assert package.decode([frame * 5000]) == b""
    assert made == 5000


def test_a_window_that_is_too_large_is_refused(package: Package) -> None:
    if package.coding != "zstd":
        pytest.skip("brotli's largest window is 16 MiB")
    header = b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([(24 - 10) << 3])  # no size, a window of 2**24
    with pytest.raises(ProtocolError, match=r"^zstd content: expected a valid compressed stream"):
        package.decode([header + b"\x01\x00\x00"])
    smaller = header[:5] + bytes([(23 - 10) << 3]) + b"\x01\x00\x00"
    assert package.decode([smaller]) == b""


# -- what is not there


def test_without_any_package(monkeypatch: pytest.MonkeyPatch, forgetful: None) -> None:
    for name in MODULES:
        monkeypatch.setitem(sys.modules, name, None)
    assert available() == ()
    assert accepted_codings() == "gzip, deflate"
    for coding in ("br", "zstd"):
        with pytest.raises(ProtocolError, match="expected gzip, deflate or identity, got"):
            select_decoder(coding)


class Fake(ModuleType):
    """A brotli whose decompressor gives what it gives."""

    class Decompressor:
        pass


def test_a_brotli_that_knows_no_bounds_does_not_count(
    monkeypatch: pytest.MonkeyPatch, forgetful: None
) -> None:
    for name in MODULES:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "brotli", Fake("brotli"))
    assert decompressor("br") is None
    assert decompressor("snappy") is None


def test_the_first_that_will_do_is_taken(monkeypatch: pytest.MonkeyPatch, forgetful: None) -> None:
    sound = Fake("brotlicffi")
    monkeypatch.setattr(sound, "Decompressor", type("D", (), {"can_accept_more_data": None}))
    monkeypatch.setitem(sys.modules, "brotli", Fake("brotli"))
    monkeypatch.setitem(sys.modules, "brotlicffi", sound)
    make = decompressor("br")
    assert make is not None
    assert getattr(make, "args", None) == (sound,)


def test_every_order_of_packages_is_known() -> None:
    assert {*optional_codings._BROTLI, *optional_codings._ZSTD, "zstandard"} == set(MODULES)
