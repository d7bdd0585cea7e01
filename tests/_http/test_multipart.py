"""Forms: parsed to the same parts by a parser of others, of known length, in pieces."""

import io
from typing import Any

import attrs
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from _http.body_sources import Pieces, Silent, read_all
from trio_groq._http.bodies import BytesSource
from trio_groq._http.multipart import MultipartBody, Part, new_boundary
from trio_groq.errors import InvalidRequestError

BOUNDARY = "test-boundary"


async def encoded(body: MultipartBody) -> bytes:
    data = b"".join(await read_all(body))
    assert len(data) == body.length
    return data


async def test_a_form_byte_for_byte() -> None:
    parts = [
        Part("model", b"whisper"),
        Part("file", BytesSource(b"\0\xff\r\n"), "a.mp3", "audio/mpeg"),
        Part("language", "dé".encode()),
    ]
    body = MultipartBody(parts, boundary=BOUNDARY)
    assert body.content_type == "multipart/form-data; boundary=test-boundary"
    assert repr(body) == f"<MultipartBody of {body.length} bytes>"
    lines = [
        b"--test-boundary",
        b'Content-Disposition: form-data; name="model"',
        b"",
        b"whisper",
        b"--test-boundary",
        b'Content-Disposition: form-data; name="file"; filename="a.mp3"',
        b"Content-Type: audio/mpeg",
        b"",
        b"\0\xff\r\n",
        b"--test-boundary",
        b'Content-Disposition: form-data; name="language"',
        b"",
        b"d\xc3\xa9",
        b"--test-boundary--",
        b"",
    ]
    assert await encoded(body) == b"\r\n".join(lines)


async def test_an_empty_form_is_its_end() -> None:
    assert await encoded(MultipartBody([], boundary=BOUNDARY)) == b"--test-boundary--\r\n"


@pytest.mark.parametrize("spoilt", ['a"; x="', "a\r\nX-Evil: 1", "a\n\nbody", "a\r"])
async def test_no_name_becomes_a_header(spoilt: str) -> None:
    wanted = spoilt.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").encode()
    data = await encoded(MultipartBody([Part(spoilt, b"", spoilt)], boundary=BOUNDARY))
    head = b'Content-Disposition: form-data; name="%b"; filename="%b"' % (wanted, wanted)
    assert data == b"--test-boundary\r\n%b\r\n\r\n\r\n--test-boundary--\r\n" % head


@pytest.mark.parametrize("spoilt", ["audio/mpeg\r\nX-Evil: 1", "", "audio/\u00e9", "a\0b"])
def test_a_media_type_that_would_break_the_form(spoilt: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^file: expected a media type in") as caught:
        MultipartBody([Part("file", b"", "a", spoilt)], boundary=BOUNDARY)
    assert (caught.value.path, caught.value.value) == ("file", spoilt)


@pytest.mark.parametrize("part", [Part("a", b"", "\udc80"), Part("\udc80", b"")])
def test_half_a_character(part: Part) -> None:
    with pytest.raises(InvalidRequestError, match="expected text without lone surrogates, got "):
        MultipartBody([part], boundary=BOUNDARY)


@pytest.mark.parametrize("boundary", ["", "a" * 71, "a b", 'a"', "a\r\n", "\u00e9", "a\n"])
def test_a_boundary_that_needs_quotes_or_more(boundary: str) -> None:
    with pytest.raises(ValueError, match="boundary: expected 1 to 70 of"):
        MultipartBody([], boundary=boundary)


def test_boundaries_are_never_the_same() -> None:
    boundaries = {new_boundary() for _ in range(100)}
    assert len(boundaries) == 100
    for boundary in boundaries:
        MultipartBody([], boundary=boundary)


async def test_a_part_of_another_length_is_named() -> None:
    parts = [Part("model", b"m"), Part("file", Pieces([b"abc"], length=4), "a")]
    body = MultipartBody(parts, boundary=BOUNDARY)
    reading = body.open()
    await reading.next_piece()
    assert await reading.next_piece() == b"abc"
    with pytest.raises(InvalidRequestError, match=r"^file: expected 4 bytes, got 3$"):
        await reading.next_piece()


async def test_sources_are_open_one_at_a_time() -> None:
    first, second = Pieces([b"a", b"b"]), Pieces([b"c"], replayable=False)
    parts = [Part("one", first, "1"), Part("two", second, "2")]
    body = MultipartBody(parts, boundary=BOUNDARY)
    reading = body.open()
    seen = []
    while piece := await reading.next_piece():
        seen.append((bytes(piece)[:1], first.opened - first.closed, second.opened - second.closed))
    assert seen == [
        (b"-", 1 - 1, 0),
        (b"a", 1, 0),
        (b"b", 1, 0),
        (b"\r", 0, 0),
        (b"c", 0, 1),
        (b"\r", 0, 0),
    ]
    assert (first.closed, second.closed) == (1, 1)
    assert not body.replayable


async def test_closed_early_what_is_open_is_closed() -> None:
    source = Pieces([b"a", b"b"])
    reading = MultipartBody([Part("file", source, "a")], boundary=BOUNDARY).open()
    await reading.next_piece()
    await reading.next_piece()
    await reading.aclose()
    await reading.aclose()
    assert (source.opened, source.closed) == (1, 1)


async def test_it_can_be_sent_again_if_all_its_parts_can() -> None:
    body = MultipartBody([Part("file", Pieces([b"abc"]), "a")], boundary=BOUNDARY)
    assert body.replayable
    assert await encoded(body) == await encoded(body)


def test_the_length_of_what_is_in_no_memory() -> None:
    small = MultipartBody([Part("file", Silent(0), "a")], boundary=BOUNDARY).length
    large = MultipartBody([Part("file", Silent(10**15), "a")], boundary=BOUNDARY).length
    assert large - small == 10**15


# -- against a parser of others


@attrs.frozen
class Parsed:
    name: str
    content: bytes
    file_name: str | None
    content_type: str | None


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NAMES = TEXT.filter(bool)
TYPES = st.sampled_from(["text/plain", "audio/mpeg", "application/x-a+b", 'text/plain; a="b c"'])
NEAR = st.sampled_from([b"\r\n", b"--", b"-", b"test-boundary", b"\r\n--test-boundar", b"\n"])
CONTENTS = st.binary(max_size=40) | st.lists(NEAR | st.binary(max_size=3), max_size=6).map(b"".join)
PARTS = st.builds(Parsed, NAMES, CONTENTS, st.none() | NAMES, st.none() | TYPES)


def holds_no_boundary(part: Parsed) -> bool:
    return b"--test-boundary" not in b"\r\n" + part.content


def as_part(parsed: Parsed) -> Part:
    """A file is a source of several pieces, everything else is bytes."""
    if parsed.file_name is None:
        return Part(parsed.name, parsed.content, None, parsed.content_type)
    content = parsed.content
    pieces = Pieces([content[start : start + 7] for start in range(0, len(content), 7)])
    return Part(parsed.name, pieces, parsed.file_name, parsed.content_type)


def parsed_by_others(data: bytes) -> list[Parsed]:
    multipart: Any = pytest.importorskip("multipart")
    parser = multipart.MultipartParser(
        io.BytesIO(data), BOUNDARY, content_length=len(data), strict=True
    )
    return [
        Parsed(
            part.name,
            part.raw,
            part.filename,
            part.headers.get("Content-Type"),
        )
        for part in parser
    ]


def as_they_read_it(name: str) -> str:
    """A name that holds an escape already looks like one: browsers live with that as well."""
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def is_told_apart(name: str | None) -> bool:
    """Whether the parser does not take it for what old browsers sent: quotes and Windows paths."""
    return name is None or ("\\" not in name and name == name.strip())


@settings(max_examples=150)
@given(st.lists(PARTS.filter(holds_no_boundary), max_size=4))
def test_a_parser_of_others_finds_the_same_parts(parts: list[Parsed]) -> None:

    wanted = [
        attrs.evolve(
            part,
            name=as_they_read_it(part.name),
            file_name=part.file_name and as_they_read_it(part.file_name),
        )
        for part in parts
        if is_told_apart(part.name) and is_told_apart(part.file_name)
    ]
    sent = [
        as_part(part)
        for part in parts
        if is_told_apart(part.name) and is_told_apart(part.file_name)
    ]
    data = trio.run(encoded, MultipartBody(sent, boundary=BOUNDARY))
    assert parsed_by_others(data) == wanted
