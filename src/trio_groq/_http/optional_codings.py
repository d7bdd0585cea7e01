"""br and zstd, as far as a package for them is installed. No I/O.

Only what can be decoded within bounds counts: a decoder that gives all that a few bytes stand for,
however much that is, would be a bomb's best friend. So brotli and brotlicffi have to be 1.2 or
later; and zstandard, which knows no bound, is given a few bytes at a time: a block has 4 bytes at
least and stands for 128 KiB at most (RFC 8878, 3.1.1.2).

What is made here is used like a `zlib.decompressobj`.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias, final

__all__ = ["CodingError", "Decompressor", "available", "decompressor"]

MAX_WINDOW_LOG: Final = 23
"""A zstd window of 8 MiB at the most: so much may a content coding ask of its reader (RFC 9659)."""

_BROTLI_STEP: Final = 16_384
"""brotli rounds what it is allowed to give up to whole buffers, the first one of 32 KiB."""
_ZSTANDARD_STEP: Final = 32
"""Encoded bytes for zstandard at a time: 1 MiB decoded at the most."""

_BROTLI: Final = ("brotli", "brotlicffi")
_ZSTD: Final = ("compression.zstd", "backports.zstd")


class CodingError(Exception):
    """The bytes are no valid stream."""


class Decompressor(Protocol):
    """As much of `zlib.decompressobj` as is used.

    Attributes:
        eof: The stream has ended.
        unused_data: What came after its end.
        unconsumed_tail: What was not taken yet.
    """

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...

    def decompress(self, data: Any, max_length: int, /) -> bytes:  # noqa: ANN401 (any buffer)
        """Decode some more, about `max_length` bytes at the most.

        Call it again, with no data, as long as it gives any: there may be more.

        Raises:
            CodingError: The bytes are no valid stream.
        """


Make: TypeAlias = Callable[[], Decompressor]


@final
class _Brotli:
    """By brotli or brotlicffi. What comes after the end of a stream is an error to them."""

    unused_data: Final = b""
    unconsumed_tail: Final = b""

    def __init__(self, module: Any) -> None:  # noqa: ANN401 (one of two, or none)
        self._error: type[Exception] = module.error
        self._decompressor: Any = module.Decompressor()

    @property
    def eof(self) -> bool:
        return bool(self._decompressor.is_finished())

    def decompress(self, data: Any, max_length: int, /) -> bytes:  # noqa: ANN401 (any buffer)
        """See `Decompressor`."""
        limit = min(max_length, _BROTLI_STEP)
        try:
            piece: bytes = self._decompressor.process(bytes(data), output_buffer_limit=limit)
        except self._error as exc:
            raise CodingError(str(exc)) from exc
        return piece


@final
class _Zstd:
    """One frame, by the standard library (3.14) or its backport."""

    unconsumed_tail: Final = b""

    def __init__(self, module: Any) -> None:  # noqa: ANN401 (one of two, or none)
        self._error: type[Exception] = module.ZstdError
        window = module.DecompressionParameter.window_log_max
        self._decompressor: Any = module.ZstdDecompressor(options={window: MAX_WINDOW_LOG})

    @property
    def eof(self) -> bool:
        return bool(self._decompressor.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._decompressor.unused_data)

    def decompress(self, data: Any, max_length: int, /) -> bytes:  # noqa: ANN401 (any buffer)
        """See `Decompressor`."""
        try:
            piece: bytes = self._decompressor.decompress(data, max_length)
        except self._error as exc:
            raise CodingError(str(exc)) from exc
        return piece


@final
class _Zstandard:
    """One frame, by zstandard, a few bytes at a time: see the top of this file."""

    def __init__(self, module: Any) -> None:  # noqa: ANN401 (the module, or none)
        self._error: type[Exception] = module.ZstdError
        window = 1 << MAX_WINDOW_LOG
        self._decompressor: Any = module.ZstdDecompressor(max_window_size=window).decompressobj()
        self.unused_data = b""
        self.unconsumed_tail = b""

    @property
    def eof(self) -> bool:
        return bool(self._decompressor.eof)

    def decompress(self, data: Any, _max_length: int, /) -> bytes:  # noqa: ANN401 (any buffer)
        """See `Decompressor`."""
        piece = b""
        position = 0
        try:
            while not piece and position < len(data) and not self.eof:
                step = bytes(data[position : position + _ZSTANDARD_STEP])
                position += len(step)
                piece = self._decompressor.decompress(step)
        except self._error as exc:
            raise CodingError(str(exc)) from exc
        rest = bytes(data[position:])
        self.unused_data = self._decompressor.unused_data + rest if self.eof else b""
        self.unconsumed_tail = b"" if self.eof else rest
        return piece


def _module(name: str) -> Any:  # noqa: ANN401 (a module, or None)
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


@functools.cache
def decompressor(coding: str) -> Make | None:
    """What makes decompressors for `br` or `zstd`; None if no package for it is installed."""
    if coding == "br":
        for name in _BROTLI:
            module = _module(name)
            if module is not None and hasattr(module.Decompressor, "can_accept_more_data"):
                return functools.partial(_Brotli, module)
    if coding == "zstd":
        for name in _ZSTD:
            module = _module(name)
            if module is not None:
                return functools.partial(_Zstd, module)
        module = _module("zstandard")
        if module is not None:
            return functools.partial(_Zstandard, module)
    return None


def available() -> tuple[str, ...]:
    """The codings that can be undone here beside gzip and deflate."""
    return tuple(coding for coding in ("br", "zstd") if decompressor(coding) is not None)
