"""Subtitles from the segments of a transcription: SubRip (.srt) and WebVTT (.vtt).

A model's segments overlap at times, come out of order, or end before they begin; players make of
that what they like. So the cues made here always follow one another: each begins after the one
before it, lasts, and ends no later than the next begins. Segments that begin together share a cue.

Sources: W3C WebVTT, 4 (syntax), 6.3 (parsing); SubRip has no standard, only players.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, zip_longest
from operator import attrgetter
from typing import Final, Protocol

import attrs

from trio_groq.cli._output import one_line

__all__ = ["RENDERERS", "Cue", "Timed", "cues_of", "srt", "vtt"]

_LASTS: Final = 2_000
"""Milliseconds that a cue is shown whose end is not known: time to read a short line."""


class Timed(Protocol):
    """What a cue is made of; the segments of a transcription are."""

    @property
    def start(self) -> float | None:
        """Seconds; None if it is not known."""

    @property
    def end(self) -> float | None:
        """Seconds; None if it is not known."""

    @property
    def text(self) -> str:
        """What is shown."""


@attrs.frozen
class Cue:
    """A text and when it is shown.

    Attributes:
        start: From when, in milliseconds.
        end: Until when, in milliseconds; later than `start`.
        text: One line or more, none of them empty.
    """

    start: int
    end: int
    text: str


def _milliseconds(seconds: float | None) -> int | None:
    """The time in milliseconds; None for one that is missing or is none."""
    if seconds is None or not math.isfinite(seconds * 1000):
        return None
    return max(0, round(seconds * 1000))


@attrs.frozen
class _Found:
    """What becomes a cue; the end is None where it is not known."""

    start: int
    end: int | None
    text: str


def _lines(text: str) -> str:
    """The text without empty lines, which would end the cue."""
    return "\n".join(filter(None, map(one_line, text.splitlines())))


def _found(segments: Iterable[Timed]) -> Iterator[_Found]:
    """What has text; without a start it begins where the one before it ended."""
    last = 0
    for segment in segments:
        text = _lines(segment.text)
        if not text:
            continue
        start, end = _milliseconds(segment.start), _milliseconds(segment.end)
        if start is None:
            start = last
        if end is not None and end <= start:
            end = None
        last = start if end is None else end
        yield _Found(start, end, text)


def _together(group: Iterable[_Found]) -> _Found:
    """Those that begin together as one, which ends with the last of them."""
    members = list(group)
    ends = [found.end for found in members if found.end is not None]
    return _Found(
        members[0].start, max(ends, default=None), "\n".join(found.text for found in members)
    )


def cues_of(segments: Iterable[Timed]) -> list[Cue]:
    """The cues of the segments that have text, in their order, none over another.

    Args:
        segments: In any order; times may be missing, equal, or overlap.
    """
    by_start = attrgetter("start")
    groups = groupby(sorted(_found(segments), key=by_start), key=by_start)
    shown = [_together(group) for _, group in groups]
    following = [found.start for found in shown[1:]]
    cues = []
    for found, limit in zip_longest(shown, following):
        end = found.start + _LASTS if found.end is None else found.end
        cues.append(Cue(found.start, end if limit is None else min(end, limit), found.text))
    return cues


def _clock(milliseconds: int, mark: str) -> str:
    """`HH:MM:SS` and milliseconds; as many digits of hours as there are, two at least."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{rest:03}"


def _span(cue: Cue, mark: str) -> str:
    return f"{_clock(cue.start, mark)} --> {_clock(cue.end, mark)}"


def _srt_text(text: str) -> str:
    # SubRip has no escapes, and an arrow may be read as the line of times.
    return text.replace("-->", "\u2192")


def _vtt_text(text: str) -> str:
    # Without `>` there is no arrow either, which may not be in a cue's text.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def srt(segments: Iterable[Timed]) -> str:
    """The segments as SubRip: numbered from 1, empty for no segments."""
    return "".join(
        f"{number}\n{_span(cue, ',')}\n{_srt_text(cue.text)}\n\n"
        for number, cue in enumerate(cues_of(segments), 1)
    )


def vtt(segments: Iterable[Timed]) -> str:
    """The segments as WebVTT: the header alone for no segments."""
    cues = (f"\n{_span(cue, '.')}\n{_vtt_text(cue.text)}\n" for cue in cues_of(segments))
    return "".join(["WEBVTT\n", *cues])


RENDERERS: Final[dict[str, Callable[[Iterable[Timed]], str]]] = {"srt": srt, "vtt": vtt}
"""By the name of the format, which is the file's suffix, too."""
