"""Bodies in pieces, and that they are held to the length that they said."""

import pytest

from _http.body_sources import Pieces, read_all
from trio_groq._http.bodies import PIECE_BYTES, BytesSource, Measured, Piece
from trio_groq.errors import InvalidRequestError


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"abc",
        bytearray(b"abc"),
        memoryview(b"abcdef")[::2],
        memoryview(b"abcdefgh").cast("I"),
        bytes(PIECE_BYTES),
        bytes(range(256)) * (PIECE_BYTES // 128) + b"x",
    ],
    ids=["none", "bytes", "bytearray", "strided", "words", "a piece", "three pieces"],
)
async def test_memory_is_given_in_pieces_and_again(data: Piece) -> None:
    source = BytesSource(data)
    content = memoryview(data).tobytes()
    assert source.length == len(content)
    for _ in range(2):
        assert source.replayable
        pieces = await read_all(source)
        assert b"".join(pieces) == content
        assert [len(piece) for piece in pieces[:-1]] == [PIECE_BYTES] * (len(pieces) - 1)


async def test_pieces_of_memory_are_no_copies() -> None:
    data = bytearray(b"abc")
    piece = await BytesSource(data).open().next_piece()
    data[0] = ord("x")
    assert piece == b"xbc"


async def taken(source: Pieces) -> tuple[list[bytes], str]:
    """What a measured reading gives out before its error."""
    reading = Measured(source, "file")
    pieces: list[bytes] = []

    async def read() -> None:
        while piece := await reading.next_piece():
            pieces.append(bytes(piece))

    with pytest.raises(InvalidRequestError) as caught:
        await read()
    assert caught.value.path == "file"
    await reading.aclose()
    assert source.closed == 1
    return pieces, str(caught.value)


@pytest.mark.parametrize("pieces", [[], [b"abc"], [b"a", b"bc", b"d"]], ids=["none", "one", "some"])
async def test_the_right_length(pieces: list[bytes]) -> None:
    reading = Measured(Pieces(pieces), "file")
    given = [await reading.next_piece() for _ in pieces]
    assert given == pieces
    assert await reading.next_piece() == b""
    assert await reading.next_piece() == b""


async def test_too_short() -> None:
    short = Pieces([b"abc", b"de"], length=6)
    assert await taken(short) == ([b"abc", b"de"], "file: expected 6 bytes, got 5")
    assert await taken(Pieces([], length=1)) == ([], "file: expected 1 bytes, got 0")


@pytest.mark.parametrize(
    ("pieces", "before"),
    [
        ([b"abc", b"def", b"g"], [b"abc"]),
        ([b"abc", b"defg"], [b"abc"]),
        ([b"abcdefg"], []),
    ],
    ids=["at a border", "within a piece", "at once"],
)
async def test_too_long_is_found_before_it_could_pass_for_whole(
    pieces: list[bytes], before: list[bytes]
) -> None:
    assert await taken(Pieces(pieces, length=6)) == (before, "file: expected 6 bytes, got more")


async def test_more_than_nothing_is_too_long() -> None:
    assert await taken(Pieces([b"a"], length=0)) == ([], "file: expected 0 bytes, got more")
