"""Subtitles: what players and the WebVTT standard ask for, whatever the segments are like."""

import itertools
import math
import re

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_groq.cli._output import one_line
from trio_groq.cli._subtitles import RENDERERS, Cue, cues_of, srt, vtt
from trio_groq.types.audio import TranscriptionSegment


@attrs.frozen
class Said:
    start: float | None
    end: float | None
    text: str


TWO = [
    TranscriptionSegment(start=0.0, end=1.25, text=" Hello there."),
    TranscriptionSegment(start=1.25, end=3.9996, text=" It is <b>late</b> & dark --> go."),
]


def test_srt() -> None:
    assert srt(TWO) == (
        "1\n00:00:00,000 --> 00:00:01,250\nHello there.\n\n"
        "2\n00:00:01,250 --> 00:00:04,000\nIt is <b>late</b> & dark \u2192 go.\n\n"
    )


def test_vtt() -> None:
    assert vtt(TWO) == (
        "WEBVTT\n"
        "\n00:00:00.000 --> 00:00:01.250\nHello there.\n"
        "\n00:00:01.250 --> 00:00:04.000\n"
        "It is &lt;b&gt;late&lt;/b&gt; &amp; dark --&gt; go.\n"
    )


@pytest.mark.parametrize(("name", "empty"), [("srt", ""), ("vtt", "WEBVTT\n")])
def test_nothing_said(name: str, empty: str) -> None:
    assert RENDERERS[name]([]) == empty
    assert RENDERERS[name]([Said(0, 1, " \n\t")]) == empty


CLOCKS = {
    0.0: "00:00:00,000",
    0.0004: "00:00:00,000",
    0.0006: "00:00:00,001",
    59.9996: "00:01:00,000",
    3599.999: "00:59:59,999",
    3600.0: "01:00:00,000",
    359_999.0: "99:59:59,000",
    360_000.0: "100:00:00,000",
    3_600_000.5: "1000:00:00,500",
}


@pytest.mark.parametrize(("seconds", "clock"), CLOCKS.items())
def test_times(seconds: float, clock: str) -> None:
    assert srt([Said(seconds, seconds + 2, "x")]).splitlines()[1].startswith(f"{clock} --> ")
    clock = clock.replace(",", ".")
    assert vtt([Said(seconds, seconds + 2, "x")]).splitlines()[2].startswith(f"{clock} --> ")


ODD: dict[str, tuple[list[Said], list[Cue]]] = {
    "an overlap ends where the next begins": (
        [Said(0, 5, "a"), Said(3, 6, "b")],
        [Cue(0, 3000, "a"), Cue(3000, 6000, "b")],
    ),
    "one within another": (
        [Said(0, 9, "a"), Said(3, 4, "b"), Said(5, 6, "c")],
        [Cue(0, 3000, "a"), Cue(3000, 4000, "b"), Cue(5000, 6000, "c")],
    ),
    "out of order": (
        [Said(3, 4, "b"), Said(0, 1, "a")],
        [Cue(0, 1000, "a"), Cue(3000, 4000, "b")],
    ),
    "at once": (
        [Said(1, 2, "a"), Said(1.0001, 4, "b"), Said(1, None, "c"), Said(3, 5, "d")],
        [Cue(1000, 3000, "a\nb\nc"), Cue(3000, 5000, "d")],
    ),
    "no start": (
        [Said(None, 1, "a"), Said(None, 3, "b"), Said(None, None, "c"), Said(4, 5, "d")],
        [Cue(0, 1000, "a"), Cue(1000, 3000, "b"), Cue(3000, 4000, "c"), Cue(4000, 5000, "d")],
    ),
    "no end": (
        [Said(0, None, "a"), Said(1, None, "b"), Said(9, None, "c")],
        [Cue(0, 1000, "a"), Cue(1000, 3000, "b"), Cue(9000, 11_000, "c")],
    ),
    "no time at all": (
        [Said(2, 2, "a"), Said(8, 7, "b")],
        [Cue(2000, 4000, "a"), Cue(8000, 10_000, "b")],
    ),
    "no numbers": (
        [Said(math.nan, math.inf, "a"), Said(-1, 1e306, "b"), Said(1e306, 2, "c")],
        [Cue(0, 2000, "a\nb\nc")],
    ),
    "no text": ([Said(0, 1, ""), Said(None, 2, "b")], [Cue(0, 2000, "b")]),
    "lines": (
        [Said(0, 1, " a \r\n\n\n b\tc\x0b\u2028\x00\x1b[2Jd ")],
        [Cue(0, 1000, "a\nb c\n[2Jd")],
    ),
}


@pytest.mark.parametrize(("said", "cues"), ODD.values(), ids=ODD)
def test_odd_segments(said: list[Said], cues: list[Cue]) -> None:
    assert cues_of(said) == cues


times = st.none() | st.floats(-10, 400_000) | st.floats()
segments = st.lists(
    st.builds(
        Said, times, times, st.text(max_size=12) | st.sampled_from(["-->", "a\n\n1\n", "&lt;"])
    ),
    max_size=8,
)
SPAN = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d)([.,])(\d{3})")


def milliseconds(clock: str) -> int:
    found = SPAN.fullmatch(clock)
    assert found
    hours, minutes, seconds, _, rest = found.groups()
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(rest)


def parsed(blocks: list[str], first: int) -> list[tuple[int, int, list[str]]]:
    """The cues of a file whose blocks have their times in the line `first`, as players read it."""
    cues = []
    for block in blocks:
        lines = block.split("\n")
        start, arrow, end = lines[first].split(" ")
        assert arrow == "-->"
        assert not any("-->" in line for line in lines[first + 1 :])
        assert all(lines)
        cues.append((milliseconds(start), milliseconds(end), lines[first + 1 :]))
    return cues


@given(segments)
def test_cues_follow_one_another(said: list[Said]) -> None:
    cues = cues_of(said)
    assert all(cue.start < cue.end for cue in cues)
    assert all(one.end <= next_.start for one, next_ in itertools.pairwise(cues))
    shown = sorted(line for cue in cues for line in cue.text.split("\n"))
    lines = (one_line(line) for each in said for line in each.text.splitlines())
    assert shown == sorted(filter(None, lines))


@given(segments)
def test_both_formats_are_read_back_as_they_were_meant(said: list[Said]) -> None:
    cues = cues_of(said)
    spans = [(cue.start, cue.end) for cue in cues]
    blocks = srt(said).split("\n\n")[:-1]
    assert [block.split("\n")[0] for block in blocks] == [str(i + 1) for i in range(len(cues))]
    assert [(start, end) for start, end, _ in parsed(blocks, 1)] == spans
    header, *blocks = vtt(said).removesuffix("\n").split("\n\n")
    assert header == "WEBVTT"
    texts = []
    for number, (start, end, lines) in enumerate(parsed(blocks, 0)):
        assert (start, end) == spans[number]
        text = "\n".join(lines)
        assert "<" not in text
        assert not re.search(r"&(?!amp;|lt;|gt;)", text)
        texts.append(text.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
    assert texts == [cue.text for cue in cues]
