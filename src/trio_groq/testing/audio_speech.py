"""Speech: what the endpoint refuses, and a WAV file with a tone for each character.

The API has other formats for some models; the fake can only make this one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, final

import attrs

from trio_groq.testing.audio_content import sound_of
from trio_groq.testing.endpoints import Endpoint
from trio_groq.testing.models import Models
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply

__all__ = ["Speech"]

_PATH: Final = "/openai/v1/audio/speech"

_SPEECH_FORMATS: Final = ("flac", "mp3", "mulaw", "ogg", "wav")
_RATES: Final = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
_DEFAULT_RATE: Final = 48_000
_MIN_SPEED: Final = 0.5
_MAX_SPEED: Final = 5.0


@attrs.frozen(kw_only=True)
class _Speaker:
    """What a model can.

    Attributes:
        voices: Its voices, empty for any.
        formats: Formats that it makes.
        max_characters: Longest input.
    """

    voices: Sequence[str] = ()
    formats: Sequence[str] = _SPEECH_FORMATS
    max_characters: int = 10_000


_SPEAKERS: Final[Mapping[str, _Speaker]] = {
    "canopylabs/orpheus-v1-english": _Speaker(
        voices=("autumn", "diana", "hannah", "austin", "daniel", "troy"),
        formats=("wav",),
        max_characters=200,
    ),
    "canopylabs/orpheus-arabic-saudi": _Speaker(
        voices=("fahad", "sultan", "lulwa", "noura"), formats=("wav",), max_characters=200
    ),
}
_ANY_SPEAKER: Final = _Speaker()


def _list_of(names: Sequence[object]) -> str:
    return f"[{' '.join(map(str, names))}]"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_OPTIONAL: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "response_format": (lambda value: isinstance(value, str), "a string"),
    "sample_rate": (
        lambda value: value in _RATES and not isinstance(value, bool),
        f"one of {_list_of(_RATES)}",
    ),
    "speed": (
        lambda value: _is_number(value) and _MIN_SPEED <= value <= _MAX_SPEED,
        f"a number between {_MIN_SPEED:g} and {_MAX_SPEED:g}",
    ),
}
"""How each optional parameter is checked, and what it must be."""


def _complaints(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong whatever the model, and with which parameter; only the first counts."""
    for name in ("model", "input", "voice"):
        if params.get(name) is None:
            yield f"property '{name}' is missing", name
        if not isinstance(params[name], str):
            yield f"'{name}' : value must be a string", name
    if not params["input"].strip():
        yield "input must not be empty", "input"
    for name, (check, expected) in _OPTIONAL.items():
        value = params.get(name)
        if value is not None and not check(value):
            yield f"{name} must be {expected}", name


def _speaker_complaints(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the model cannot; a model that only the test knows can everything."""
    speaker = _SPEAKERS.get(params["model"], _ANY_SPEAKER)
    wanted = params.get("response_format") or "wav"
    if wanted not in speaker.formats:
        yield f"response_format must be one of {_list_of(speaker.formats)}", "response_format"
    if wanted != "wav":
        yield f"FakeGroq can only make wav, not {wanted}", "response_format"
    if speaker.voices and params["voice"] not in speaker.voices:
        yield f"voice must be one of {_list_of(speaker.voices)}", "voice"
    length, most = len(params["input"]), speaker.max_characters
    if length > most:
        yield f"input must be {most} characters or fewer, got {length}", "input"


@final
class Speech:
    """The endpoint.

    Args:
        models: The models that the server has.
    """

    def __init__(self, models: Models) -> None:
        self._models = models

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What answers for speech."""
        return (Endpoint("POST", _PATH, self._create),)

    def _create(self, request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        params = request.params
        for message, name in _complaints(params):
            return Reply.error(400, message, param=name)
        refusal = self._models.refusal(params["model"], "speech")
        if refusal:
            return refusal
        for message, name in _speaker_complaints(params):
            return Reply.error(400, message, param=name)
        sound = sound_of(
            params["input"],
            sample_rate=params.get("sample_rate") or _DEFAULT_RATE,
            speed=params.get("speed") or 1.0,
        )
        return Reply(body=sound, content_type="audio/wav", framing="chunked")
