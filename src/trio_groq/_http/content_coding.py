"""Content codings, undone as the bytes come, within limits. No I/O.

gzip and deflate always; br and zstd where a package for them is installed (`optional_codings`).

What can be decoded of the bytes received so far is handed up at once, so a compressed event stream
whose events are flushed one by one is as prompt as a plain one.

A few compressed kilobytes can stand for gigabytes (deflate reaches 1032:1). Decoding therefore
goes in small steps, and after each the limits are checked: one step takes at most `_INPUT_STEP`
bytes and gives at most `_OUTPUT_STEP`.
"""

import zlib
from typing import Final, final

from trio_groq._http.messages import Span
from trio_groq._http.optional_codings import CodingError, Decompressor, available, decompressor
from trio_groq.errors import ProtocolError

__all__ = [
    "DEFAULT_MAX_DECODED_BYTES",
    "DEFAULT_MAX_RATIO",
    "RATIO_FLOOR_BYTES",
    "ContentDecoder",
    "accepted_codings",
    "select_decoder",
]

DEFAULT_MAX_DECODED_BYTES: Final = 64 * 1024 * 1024
"""Largest decoded body. The largest recorded JSON has just under 1 MiB; a batch of embeddings may
have 25 MB."""

DEFAULT_MAX_RATIO: Final = 200
"""Decoded bytes per encoded one. Recorded JSON reaches 7, recorded event streams 64 (the same keys
in each event); a bomb is worth its name only near 1000."""

RATIO_FLOOR_BYTES: Final = 4 * 1024 * 1024
"""Decoded bytes below which any ratio is fine: a small body may well be all alike, such as the
stream of a model that repeats one token, and does no harm."""

_INPUT_STEP: Final = 4 * 1024
"""Encoded bytes per step. zlib copies the rest of its input whenever it stops early (output full,
member at its end); a small step keeps that cost linear in the bytes."""

_OUTPUT_STEP: Final = 64 * 1024
"""Decoded bytes per step, and so the largest piece handed up."""

_EXCERPT_CHARS: Final = 40
"""How much of a wrong field an error shows."""

# How zlib is told the format (`wbits`); 15 is the largest window, which serves every stream.
_GZIP: Final = 16 + 15
_ZLIB: Final = 15
_RAW_DEFLATE: Final = -15

_ZLIB_METHOD: Final = 8
_BY_ZLIB: Final = ("gzip", "deflate")


@final
class ContentDecoder:
    """Undoes one content coding of one body; made by `select_decoder`. After an error it is spent.

    gzip may have several members (RFC 1952, 2.2), and zstd several frames (RFC 8878, 3.1), which
    are joined. What follows the last one must be one too: padding or garbage is an error, as it is
    for the others. A body of no bytes at all is empty and right, because servers send it where no
    content was to be encoded.
    """

    __slots__ = (
        "_coding",
        "_decoded",
        "_decompressor",
        "_encoded",
        "_is_zlib",
        "_max_decoded_bytes",
        "_max_ratio",
    )

    def __init__(self, coding: str, max_decoded_bytes: int | None, max_ratio: float) -> None:
        self._coding = coding
        self._is_zlib = coding in _BY_ZLIB
        self._max_decoded_bytes = max_decoded_bytes
        self._max_ratio = max_ratio
        self._decompressor: Decompressor | None = None
        self._encoded = 0  # bytes that the decompressors have taken
        self._decoded = 0  # bytes that they have given

    def feed(self, buffer: bytes | bytearray, start: int, end: int) -> list[Span]:
        """Decode the bytes `buffer[start:end]`.

        Returns:
            All that is decoded with them, in order, in pieces of at most 64 KiB (of zstd, 1 MiB);
            none is empty.

        Raises:
            ProtocolError: The bytes are no valid stream, or decode to more than the limits allow.
        """
        spans: list[Span] = []
        for position in range(start, end, _INPUT_STEP):
            self._decode(buffer[position : min(position + _INPUT_STEP, end)], spans)
        return spans

    def finish(self) -> list[Span]:
        """Take note that the body has ended.

        Returns:
            What was held back until now: nothing, for these codings.

        Raises:
            ProtocolError: The encoded stream is cut off.
        """
        if self._decompressor is not None and not self._decompressor.eof:
            raise ProtocolError(
                f"{self._coding} content: expected the rest of the compressed stream, "
                f"got the end of the body after {self._encoded} bytes"
            )
        return []

    def _decode(self, data: bytes | bytearray, spans: list[Span]) -> None:
        stream = self._decompressor
        while data:
            if stream is None or stream.eof:
                stream = self._decompressor = self._start(data)
            full = True
            # A full piece may leave output inside zlib even when it has taken all input.
            while full and not stream.eof:
                given = len(data)
                size = self._next_size()
                piece = self._decompress(stream, data, size)
                data = stream.unused_data or stream.unconsumed_tail
                self._encoded += given - len(data)
                self._decoded += len(piece)
                self._check_limits()
                if piece:
                    spans.append((piece, 0, len(piece)))
                # zlib gives as much as it may; the others are asked until they give nothing.
                full = len(piece) == size if self._is_zlib else bool(piece)

    def _start(self, data: bytes | bytearray) -> Decompressor:
        """Decompressor for what begins with `data`: the body, or a further member or frame."""
        if self._coding == "gzip":
            return zlib.decompressobj(_GZIP)
        if self._decompressor is not None and self._coding != "zstd":
            raise ProtocolError(
                f"{self._coding} content: expected the end of the body, got {bytes(data[:40])!r}"
            )
        make = decompressor(self._coding)
        if make is not None:
            return make()
        # "deflate" means the zlib format (RFC 9110, 8.4.1.2), yet some servers send the bare
        # stream. The first byte tells: as the start of a bare stream a zlib header's would be a
        # stored block with padding other than zero, which no encoder writes.
        wrapped = data[0] & 0x0F == _ZLIB_METHOD
        return zlib.decompressobj(_ZLIB if wrapped else _RAW_DEFLATE)

    def _next_size(self) -> int:
        """How much the next step may give: one byte over the limit is enough to know."""
        if self._max_decoded_bytes is None:
            return _OUTPUT_STEP
        return min(_OUTPUT_STEP, self._max_decoded_bytes - self._decoded + 1)

    def _decompress(self, stream: Decompressor, data: bytes | bytearray, size: int) -> bytes:
        try:
            return stream.decompress(data, size)
        except (zlib.error, CodingError) as error:
            raise ProtocolError(
                f"{self._coding} content: expected a valid compressed stream, got {error}"
            ) from error

    def _check_limits(self) -> None:
        limit = self._max_decoded_bytes
        if limit is not None and self._decoded > limit:
            raise ProtocolError(
                f"{self._coding} content: expected at most {limit} bytes once decoded, got more"
            )
        if self._decoded > RATIO_FLOOR_BYTES and self._decoded > self._max_ratio * self._encoded:
            raise ProtocolError(
                f"{self._coding} content: expected at most {self._max_ratio} decoded bytes for "
                f"each encoded one, got {self._decoded} for {self._encoded}"
            )


def accepted_codings() -> str:
    """The codings that can be undone, as `Accept-Encoding` has them."""
    return ", ".join((*_BY_ZLIB, *available()))


def select_decoder(
    content_encoding: str | None,
    *,
    max_decoded_bytes: int | None = DEFAULT_MAX_DECODED_BYTES,
    max_ratio: float = DEFAULT_MAX_RATIO,
) -> ContentDecoder | None:
    """Pick the decoder for a response's body.

    Not for a response without a body: its `Content-Encoding` describes what is not there.

    Args:
        content_encoding: Value of `Content-Encoding`, None if the response has none.
        max_decoded_bytes: Largest decoded body, in bytes; None for no limit, as for a stream.
        max_ratio: Most decoded bytes per encoded one, enforced beyond `RATIO_FLOOR_BYTES`.

    Returns:
        The decoder; None if the body is to be taken as it comes.

    Raises:
        ProtocolError: An unknown coding, or several. We ask for one; a pile of them is a way to
            multiply the work of undoing it.

    RFC 9110, 8.4.
    """
    if content_encoding is None:
        return None
    codings = [name for part in content_encoding.split(",") if (name := part.strip(" \t"))]
    coding = ", ".join(codings).lower()
    if coding in ("", "identity"):
        return None
    coding = "gzip" if coding == "x-gzip" else coding
    if coding in _BY_ZLIB or coding in available():
        return ContentDecoder(coding, max_decoded_bytes, max_ratio)
    shown = coding[:_EXCERPT_CHARS]
    raise ProtocolError(
        f"Content-Encoding: expected {accepted_codings()} or identity, got {shown!r}"
    )
