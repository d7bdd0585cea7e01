"""`client.audio`: speech, and what was said as text. Source: API reference, "Audio"."""

from collections.abc import Mapping
from functools import cache
from typing import Final, Unpack, final

from trio_groq._api.parameters import Validator
from trio_groq._api.requests import HeaderOptions, QueryOptions
from trio_groq._api.retry import RetryOption
from trio_groq._binary import BinaryResponse
from trio_groq._call import NOT_GIVEN, Caller, NotGiven
from trio_groq._http.deadlines import TimeoutOption
from trio_groq._readers import binary_reader
from trio_groq.resources._base import Resource, as_raw, as_streaming, collect
from trio_groq.resources._model_use import check_ability
from trio_groq.resources.audio_transcriptions import (
    Transcriptions,
    TranscriptionsWithRawResponse,
    TranscriptionsWithStreamingResponse,
)
from trio_groq.resources.audio_translations import (
    Translations,
    TranslationsWithRawResponse,
    TranslationsWithStreamingResponse,
)
from trio_groq.types.audio_params import SpeechCreateParams

__all__ = [
    "Audio",
    "AudioWithRawResponse",
    "AudioWithStreamingResponse",
    "Speech",
    "SpeechWithRawResponse",
    "SpeechWithStreamingResponse",
]

_SPEECH: Final = "/openai/v1/audio/speech"
_ANY_AUDIO: Final = "audio/*"


# Built at the first call: a validator costs a millisecond that an import need not.
@cache
def _speech_validator() -> Validator:
    return Validator(SpeechCreateParams)


@final
class Speech(Resource):
    """Text as speech."""

    @property
    def with_raw_response(self) -> "SpeechWithRawResponse":
        """The same methods, returning the response itself."""
        return SpeechWithRawResponse(Speech(self._caller.raw()))

    @property
    def with_streaming_response(self) -> "SpeechWithStreamingResponse":
        """The same methods, for `async with`, giving the response itself, unread."""
        return SpeechWithStreamingResponse(Speech(self._caller.streaming()))

    async def create(
        self,
        *,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[SpeechCreateParams],
    ) -> BinaryResponse:
        """Speak a text.

        Args:
            extra_headers: Header fields for this request; None takes a default one away.
            extra_query: Query parameters for this request.
            extra_body: Fields of the body that the parameters do not have (yet); they win over
                parameters of the same name.
            timeout: Seconds for the whole call, or limits by phase.
            max_retries: How often it is repeated at the most, or a policy.
            params: See `SpeechCreateParams`. Left out is not sent; None is sent as null.

        Returns:
            The audio, not yet read: use it as `async with`, or write it to disk at once.

        Raises:
            InvalidRequestError: A parameter is not valid; nothing was sent.
            APIError: The call failed: see the error tree.
        """
        _speech_validator()(params)
        check_ability(self._caller, params["model"], "speech")
        options = collect(extra_headers, extra_query, extra_body, timeout, max_retries)
        return await self._perform(
            "POST", _SPEECH, binary_reader(), options, params=params, accept=_ANY_AUDIO
        )


@final
class SpeechWithRawResponse:
    """`client.audio.speech.with_raw_response`: each method returns the response itself."""

    def __init__(self, speech: Speech) -> None:
        self.create: Final = as_raw(speech.create)


@final
class SpeechWithStreamingResponse:
    """`client.audio.speech.with_streaming_response`: each gives the response, unread."""

    def __init__(self, speech: Speech) -> None:
        self.create: Final = as_streaming(speech.create)


@final
class Audio:
    """The audio resources.

    Attributes:
        speech: Text as speech.
        transcriptions: What was said, as text in the audio's language.
        translations: What was said, as text in English.
    """

    def __init__(self, caller: Caller) -> None:
        self.speech: Final = Speech(caller)
        self.transcriptions: Final = Transcriptions(caller)
        self.translations: Final = Translations(caller)

    @property
    def with_raw_response(self) -> "AudioWithRawResponse":
        """The same resources, whose methods return the response itself."""
        return AudioWithRawResponse(self)

    @property
    def with_streaming_response(self) -> "AudioWithStreamingResponse":
        """The same resources, whose methods give the response itself, unread."""
        return AudioWithStreamingResponse(self)


@final
class AudioWithRawResponse:
    """`client.audio.with_raw_response`: each method returns the response itself."""

    def __init__(self, audio: Audio) -> None:
        self.speech: Final[SpeechWithRawResponse] = audio.speech.with_raw_response
        self.transcriptions: Final[TranscriptionsWithRawResponse] = (
            audio.transcriptions.with_raw_response
        )
        self.translations: Final[TranslationsWithRawResponse] = audio.translations.with_raw_response


@final
class AudioWithStreamingResponse:
    """`client.audio.with_streaming_response`: each gives the response, unread."""

    def __init__(self, audio: Audio) -> None:
        self.speech: Final[SpeechWithStreamingResponse] = audio.speech.with_streaming_response
        self.transcriptions: Final[TranscriptionsWithStreamingResponse] = (
            audio.transcriptions.with_streaming_response
        )
        self.translations: Final[TranslationsWithStreamingResponse] = (
            audio.translations.with_streaming_response
        )
