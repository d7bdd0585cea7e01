"""Audio as a form: parameters as text fields, and names for what has none."""

from typing import Any

import pytest

from trio_groq._api.audio_forms import AUDIO_FORMATS, form_fields, named_audio
from trio_groq.errors import InvalidRequestError

FIELDS: dict[str, tuple[dict[str, object], list[tuple[str, str]]]] = {
    "text": ({"model": "m", "prompt": "\u00e9 \n"}, [("model", "m"), ("prompt", "\u00e9 \n")]),
    "null": ({"prompt": None}, []),
    "numbers": ({"a": 0, "b": 0.5, "c": -1e-7}, [("a", "0"), ("b", "0.5"), ("c", "-1e-7")]),
    "booleans": ({"a": True, "b": False}, [("a", "true"), ("b", "false")]),
    "a list": ({"a": ["word", 1, True]}, [("a[]", "word"), ("a[]", "1"), ("a[]", "true")]),
    "a tuple": ({"a": ("word",)}, [("a[]", "word")]),
    "an empty list": ({"a": []}, []),
    "an object": ({"a": {"b": [None]}}, [("a", '{"b":[null]}')]),
}


@pytest.mark.parametrize(("params", "fields"), FIELDS.values(), ids=FIELDS)
def test_form_fields(params: dict[str, object], fields: list[tuple[str, str]]) -> None:
    assert list(form_fields(params)) == fields


def test_what_cannot_be_text() -> None:
    with pytest.raises(InvalidRequestError, match="expected a finite number"):
        list(form_fields({"temperature": float("nan")}))
    with pytest.raises(InvalidRequestError, match="expected what JSON can hold"):
        list(form_fields({"a": object()}))


HEADS = {
    b"RIFF\x24\x00\x00\x00WAVEfmt ": "wav",
    b"fLaC\x00\x00\x00\x22": "flac",
    b"OggS\x00\x02": "ogg",
    b"ID3\x04\x00": "mp3",
    b"\xff\xfb\x90\x64": "mp3",
    b"\xff\xe0": "mp3",
    b"\x00\x00\x00\x20ftypM4A ": "mp4",
    b"\x1aE\xdf\xa3\x9fB\x86": "webm",
}


@pytest.mark.parametrize(("head", "suffix"), HEADS.items())
def test_bytes_are_named_by_what_they_are(head: bytes, suffix: str) -> None:
    assert suffix in AUDIO_FORMATS
    name = f"audio.{suffix}"
    assert named_audio(head) == (name, head)
    assert named_audio((None, head)) == (name, head)
    assert named_audio((None, head, "audio/x")) == (name, head, "audio/x")
    assert named_audio(bytearray(head)) == (name, head)
    wide = memoryview(head + bytes(-len(head) % 4)).cast("i")
    assert named_audio(wide) == (name, wide)


NAMED: dict[str, Any] = {
    "unknown bytes": b"RIFF\x00\x00\x00\x00AVI ",
    "almost MPEG": b"\xff\xdf\xff\xff",
    "no bytes": b"",
    "one byte": b"\xff",
    "a name of its own": ("a.ogg", b"fLaC"),
    "a path": "a.wav",
    "too short a tuple": (b"fLaC",),
    "not even a file": None,
}


@pytest.mark.parametrize("given", NAMED.values(), ids=NAMED)
def test_anything_else_stays_as_it_is(given: Any) -> None:
    assert named_audio(given) is given
