"""Audio as a form: which files the API takes, and parameters as text fields.

Source: API reference, "Audio"; the guide "Speech to Text"; the API's own refusals.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from trio_groq._api.parameters import encode_json
from trio_groq._api.uploads import FileTypes

__all__ = ["AUDIO_FORMATS", "MAX_AUDIO_BYTES", "form_fields", "named_audio"]

AUDIO_FORMATS: Final = frozenset(
    {"flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "ogg", "opus", "wav", "webm"}
)
"""By the file's suffix, which is all that the API looks at: `opus` is in its refusal of others, and
not yet in its reference."""

MAX_AUDIO_BYTES: Final = 100 * 1024 * 1024
"""More is taken from nobody. In the free tier it is 25 MB, which the API tells those in it."""


def form_fields(params: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The parameters as fields of a form.

    None is left out, as a form has no null. A list is a field `name[]` for each item. What is no
    text is written as in JSON.

    Args:
        params: Values by name.

    Raises:
        InvalidRequestError: A value cannot be JSON.
    """
    for name, value in params.items():
        if value is None:
            continue
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            for item in value:
                yield f"{name}[]", _text(item)
        else:
            yield name, _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else encode_json(value).decode()


def named_audio(file: FileTypes) -> FileTypes:
    """The file, with a name if it is bytes without one.

    The API knows a format by the suffix alone, and refuses a file without one.

    Args:
        file: As the caller gave it; stays as it is unless its first bytes tell what it is.
    """
    given: Any = file
    name, content, *rest = given if isinstance(given, tuple) and len(given) > 1 else (None, given)
    if name is None and isinstance(content, bytes | bytearray | memoryview):
        suffix = _suffix_of(bytes(memoryview(content).cast("B")[:12]))
        if suffix is not None:
            return (f"audio.{suffix}", content, *rest)
    return file


def _suffix_of(head: bytes) -> str | None:
    """The format that a file's first 12 bytes tell, by its suffix."""
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        return "wav"
    if head[4:8] == b"ftyp":  # ISO 14496-12, 4.3
        return "mp4"
    # MPEG audio: behind a tag, or at once with a frame, whose first eleven bits are set.
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0"):
        return "mp3"
    known = {b"fLaC": "flac", b"OggS": "ogg", b"\x1aE\xdf\xa3": "webm"}
    return known.get(head[:4])
