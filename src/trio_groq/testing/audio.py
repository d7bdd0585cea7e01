"""The audio endpoints: what they refuse, in the API's own words where known, and what they answer.

What was said depends on the audio alone: see `audio_content`.
"""

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final, final

import attrs

from trio_groq.testing.audio_content import (
    Word,
    duration_of,
    is_wave,
    segments_of,
    words_in,
)
from trio_groq.testing.audio_speech import Speech
from trio_groq.testing.endpoints import Endpoint
from trio_groq.testing.forms import FormError, FormFile, parse_form
from trio_groq.testing.models import Models
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply

__all__ = ["Audio"]

_BASE: Final = "/openai/v1/audio"

MAX_FILE_BYTES: Final = 25 * 1024 * 1024
"""The API's limit for a file in the request, in the free tier."""

_MAX_PROMPT: Final = 896  # characters
_MAX_TEMPERATURE: Final = 1.0
_SHORTEST: Final = 0.01  # seconds

_FILE_TYPES: Final = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "opus", "wav", "webm")
_TEXT_FORMATS: Final = ("json", "text", "verbose_json")
_GRANULARITIES: Final = ("word", "segment")
_GRANULARITY: Final = "timestamp_granularities[]"

_TRANSLATING: Final = frozenset(
    {"model", "file", "url", "prompt", "response_format", "temperature"}
)
_TRANSCRIBING: Final = _TRANSLATING | {"language", _GRANULARITY}

# Codes of ISO 639-1, and two that it does not have.
_LANGUAGES: Final = frozenset(
    re.findall(
        r"\w+",
        "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha "
        "haw he hi hr ht hu hy id is it ja jv ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr "
        "ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg "
        "th tk tl tr tt uk ur uz vi yi yo yue zh",
    )
)
_LANGUAGE_NAMES: Final[Mapping[str, str]] = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "zh": "Chinese",
}
"""As the API names a language; of the others the fake knows the code only."""

_NO_TRANSLATION: Final = "whisper-large-v3-turbo"


def _bad(message: str, param: str | None = None, code: str | None = None) -> Reply:
    return Reply.error(400, message, param=param, code=code)


def _listed(names: Sequence[str]) -> str:
    return f"[{' '.join(names)}]"


# --- what is asked -------------------------------------------------------------------------------


@attrs.frozen
class _Asked:
    """A request for text.

    Attributes:
        fields: Values of each field, in their order.
        file: The file, None if there is none.
        known: The fields that the endpoint knows.
    """

    fields: Mapping[str, Sequence[str]]
    file: FormFile | None
    known: frozenset[str]

    def get(self, name: str) -> str:
        """The field's last value, empty if there is none: to the API that is the same."""
        values = self.fields.get(name)
        return values[-1] if values else ""


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [item if isinstance(item, str) else str(item) for item in items if item is not None]


def _read(request: RecordedRequest, known: frozenset[str]) -> _Asked | Reply:
    """The request's fields: a form; or JSON, as the lines of a batch have it."""
    if isinstance(request.json, dict):
        named = {f"{k}[]" if f"{k}[]" in known else k: v for k, v in request.json.items()}
        return _Asked({name: _texts(value) for name, value in named.items()}, None, known)
    try:
        form = parse_form(request)
    except FormError as error:
        return _bad(f"could not parse the request body: {error}")
    strangers = [name for name in form.files if name != "file"]
    fields = {**form.fields, **{name: [""] for name in strangers}}
    return _Asked(fields, form.files.get("file"), known)


# --- what is refused -----------------------------------------------------------------------------


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _parameter_complaints(asked: _Asked) -> Iterator[Reply]:
    for name in asked.fields:
        if name not in asked.known:
            yield _bad(f"unknown param `{name}`")
    if not asked.get("model"):
        yield _bad("`model` is required", "model")
    prompt, response_format = asked.get("prompt"), asked.get("response_format")
    if len(prompt) > _MAX_PROMPT:
        yield _bad(
            f"prompt length must be {_MAX_PROMPT} characters or fewer, but provided prompt "
            f"contains {len(prompt)} characters"
        )
    if response_format and response_format not in _TEXT_FORMATS:
        yield _bad(f"response_format must be one of {_listed(_TEXT_FORMATS)}")
    number = _as_number(asked.get("temperature") or "0")
    if number is None or not 0 <= number <= _MAX_TEMPERATURE:
        yield _bad("temperature must be a number between 0 and 1")
    if asked.get("language") and asked.get("language") not in _LANGUAGES:
        yield _bad("language must be a code of ISO 639-1 that the model knows")
    for value in asked.fields.get(_GRANULARITY, ()):
        if value not in _GRANULARITIES:
            yield _bad(f"{_GRANULARITY} must be one of {_listed(_GRANULARITIES)}")


def _audio_complaints(asked: _Asked, max_bytes: int) -> Iterator[Reply]:
    file, url = asked.file, asked.get("url")
    if (file is None) == (not url):
        yield _bad("expected either `file` or `url`, got " + ("both" if url else "neither"))
    if file is None:
        if not re.match(r"https?://.|data:", url):
            yield _bad("url must be an http or https address, or a data URL", "url")
        return
    suffix = (file.name or "").rpartition(".")[2].lower()
    if suffix not in _FILE_TYPES:
        message = f"file must be one of the following types: {_listed(_FILE_TYPES)}"
        yield _bad(message, code="unsupported_audio_format")
    if len(file.data) > max_bytes:
        yield Reply.error(413, "Request Entity Too Large", code="request_too_large")
    if suffix == "wav" and not is_wave(file.data):
        yield _bad("could not process file - is it a valid media file?")


# --- the answer ----------------------------------------------------------------------------------


def _from_data_url(url: str) -> bytes | None:
    """The bytes of a data URL in base64, of either alphabet; None if it is none."""
    head, _, text = url.partition(",")
    if not head.endswith(";base64"):
        return None
    plain = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _heard(asked: _Asked) -> tuple[bytes, float] | None:
    """What decides the words, and the length in seconds; None for what is no audio."""
    url = asked.get("url")
    if asked.file is not None:
        data: bytes | None = asked.file.data
    elif url.startswith("data:"):
        data = _from_data_url(url)
    else:
        seed = hashlib.sha256(url.encode("utf-8", "replace")).digest()
        return seed, 5.0 + seed[0] % 56  # nothing is fetched: some length below a minute
    return None if data is None else (data, duration_of(data))


def _words_json(words: Sequence[Word]) -> list[dict[str, Any]]:
    return [
        {"word": word.text, "start": word.start, "end": word.end}  # as the API names them
        for word in words
    ]


@final
class Audio:
    """The endpoints.

    Args:
        models: The models that the server has.
        max_file_bytes: Largest file in a request; a longer one is refused with 413.
    """

    def __init__(self, models: Models, *, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self._models = models
        self._max_file_bytes = max_file_bytes
        self._serials = count(1)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What answers for audio."""
        return (
            *Speech(self._models).endpoints(),
            Endpoint("POST", f"{_BASE}/transcriptions", self._transcribe),
            Endpoint("POST", f"{_BASE}/translations", self._translate),
        )

    def _transcribe(self, request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        return self._answer(request, _TRANSCRIBING, "transcribe")

    def _translate(self, request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        return self._answer(request, _TRANSLATING, "translate")

    def _answer(self, request: RecordedRequest, known: frozenset[str], task: str) -> Reply:
        asked = _read(request, known)
        if isinstance(asked, Reply):
            return asked
        for complaint in _parameter_complaints(asked):
            return complaint
        refusal = self._models.refusal(asked.get("model"), "audio")
        if refusal is None and task == "translate" and asked.get("model") == _NO_TRANSLATION:
            refusal = _bad(f"The model `{_NO_TRANSLATION}` does not support translations", "model")
        for complaint in () if refusal else _audio_complaints(asked, self._max_file_bytes):
            return complaint
        return refusal or self._text(asked, task)

    def _text(self, asked: _Asked, task: str) -> Reply:
        heard = _heard(asked)
        if heard is None:
            return _bad("could not process file - is it a valid media file?")
        seed, seconds = heard
        if seconds < _SHORTEST:
            message = f"Audio file is too short. Minimum audio length is {_SHORTEST} seconds."
            return _bad(message, code="audio_too_short")
        words = words_in(seed, seconds)
        text = "".join(f" {word.text}" for word in words)
        response_format = asked.get("response_format") or "json"
        if response_format == "text":
            return Reply(body=text.encode(), content_type="text/plain; charset=UTF-8")
        named = {"x_groq": {"id": self._request_id()}}
        if response_format == "json":
            return Reply.json({"text": text, **named})
        code = asked.get("language") or "en"
        body: dict[str, Any] = {
            "task": task,
            "language": "English" if task == "translate" else _LANGUAGE_NAMES.get(code, code),
            "duration": seconds,
            "text": text,
        }
        wanted = asked.fields.get(_GRANULARITY) or ["segment"]
        if "word" in wanted:
            body["words"] = _words_json(words)
        temperature = float(asked.get("temperature") or 0)
        body["segments"] = segments_of(words, temperature) if "segment" in wanted else None
        return Reply.json({**body, **named})

    def _request_id(self) -> str:
        made = uuid.uuid5(uuid.NAMESPACE_OID, f"audio {next(self._serials)}")
        return "req_" + base64.b32encode(made.bytes).decode()[:26].lower()
