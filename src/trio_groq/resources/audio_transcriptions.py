"""`client.audio.transcriptions`. Source: API reference, "Create transcription"."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache, partial
from typing import Any, Final, Literal, TypeAlias, Unpack, cast, final, overload

from trio_groq._api.parameters import Validator
from trio_groq._api.requests import HeaderOptions, QueryOptions
from trio_groq._api.retry import RetryOption
from trio_groq._api.uploads import FileTypes
from trio_groq._api_response import APIResponse, ResponseManager
from trio_groq._call import NOT_GIVEN, NotGiven, RequestOptions
from trio_groq._http.bodies import Progress
from trio_groq._http.deadlines import TimeoutOption
from trio_groq._readers import Reader, ResponseText, json_reader
from trio_groq.resources._audio import TextFromAudio
from trio_groq.resources._base import collect
from trio_groq.types._base import Decoder
from trio_groq.types.audio import Transcription, TranscriptionVerbose
from trio_groq.types.audio_params import TranscriptionCreateParams, TranscriptionRequestBody

__all__ = [
    "Transcriptions",
    "TranscriptionsWithRawResponse",
    "TranscriptionsWithStreamingResponse",
]

_PATH: Final = "/openai/v1/audio/transcriptions"

_Result: TypeAlias = Transcription | TranscriptionVerbose | ResponseText


class _CreateParams(TranscriptionCreateParams, RequestOptions, total=False):
    """The parameters but for the format, and the options of a call."""

    file: FileTypes | None
    progress: Progress | None


# Built at the first call: decoders and validators cost milliseconds that an import need not.
@cache
def _readers() -> Mapping[str, Reader[Any]]:
    return {
        "json": json_reader(Decoder(Transcription)),
        "verbose_json": json_reader(Decoder(TranscriptionVerbose)),
    }


@cache
def _validator() -> Validator:
    return Validator(TranscriptionRequestBody)


@final
class Transcriptions(TextFromAudio):
    """What was said, as text in the audio's language."""

    @property
    def with_raw_response(self) -> "TranscriptionsWithRawResponse":
        """The same methods, returning the response itself, read."""
        return TranscriptionsWithRawResponse(Transcriptions(self._caller.raw()))

    @property
    def with_streaming_response(self) -> "TranscriptionsWithStreamingResponse":
        """The same methods, for `async with`, giving the response itself, unread."""
        return TranscriptionsWithStreamingResponse(Transcriptions(self._caller.streaming()))

    @overload
    async def create(
        self,
        *,
        response_format: Literal["json"] | None = ...,
        **params: Unpack[_CreateParams],
    ) -> Transcription: ...
    @overload
    async def create(
        self, *, response_format: Literal["verbose_json"], **params: Unpack[_CreateParams]
    ) -> TranscriptionVerbose: ...
    @overload
    async def create(
        self, *, response_format: Literal["text"], **params: Unpack[_CreateParams]
    ) -> ResponseText: ...
    @overload
    async def create(
        self, *, response_format: str | None, **params: Unpack[_CreateParams]
    ) -> _Result: ...
    async def create(
        self,
        *,
        file: FileTypes | None = None,
        response_format: str | None = None,
        progress: Progress | None = None,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[TranscriptionCreateParams],
    ) -> _Result:
        """Write down what was said, in the language it was said in.

        Args:
            file: The audio, which is read while it is sent: a path, bytes, a binary file, an async
                stream with its length, or a tuple (name, content) or (name, content, content
                type). At most 100 MB (25 MB in the free tier), named `*.flac`, `.mp3`, `.mp4`,
                `.mpeg`, `.mpga`, `.m4a`, `.ogg`, `.opus`, `.wav` or `.webm`. Instead of `url`.
            response_format: `json` (the default), `verbose_json` or `text`.
            progress: Called after each piece with how many bytes of the body have been sent, and
                how many there are; with each attempt it begins anew.
            extra_headers: Header fields for this request; None takes a default one away.
            extra_query: Query parameters for this request.
            extra_body: Fields of the form that the parameters do not have (yet); they win over
                parameters of the same name. A list is a field `name[]` for each item.
            timeout: Seconds for the whole call, or limits by phase.
            max_retries: How often it is repeated at the most, or a policy. What can be sent only
                once is not repeated.
            params: See `TranscriptionCreateParams`. What is None is not sent.

        Returns:
            `Transcription`; for `verbose_json` `TranscriptionVerbose`; for `text`, and for
            formats to come, the text as it came, which is a `str` with `.meta`.

        Raises:
            InvalidRequestError: A parameter is not valid, or the file cannot be read; nothing was
                sent.
            RequestTooLargeError: The file is too large for the account's tier.
            APIError: The call failed: see the error tree.
        """
        asked: dict[str, object] = {**params}
        if response_format is not None:
            asked["response_format"] = response_format
        _validator()(asked)
        options = collect(extra_headers, extra_query, extra_body, timeout, max_retries)
        result = await self._ask(
            _PATH, _readers(), file=file, params=asked, options=options, progress=progress
        )
        return cast("_Result", result)


@final
class TranscriptionsWithRawResponse:
    """`create`, returning the response itself, whose body has been read."""

    def __init__(self, transcriptions: Transcriptions) -> None:
        self._create: Callable[..., Awaitable[object]] = transcriptions.create

    @overload
    async def create(
        self,
        *,
        response_format: Literal["json"] | None = ...,
        **params: Unpack[_CreateParams],
    ) -> APIResponse[Transcription]: ...
    @overload
    async def create(
        self, *, response_format: Literal["verbose_json"], **params: Unpack[_CreateParams]
    ) -> APIResponse[TranscriptionVerbose]: ...
    @overload
    async def create(
        self, *, response_format: Literal["text"], **params: Unpack[_CreateParams]
    ) -> APIResponse[ResponseText]: ...
    @overload
    async def create(
        self, *, response_format: str | None, **params: Unpack[_CreateParams]
    ) -> APIResponse[Any]: ...
    async def create(
        self, *, response_format: str | None = None, **params: Unpack[_CreateParams]
    ) -> APIResponse[Any]:
        """As `Transcriptions.create`; `await response.parse()` is what that returns."""
        response = await self._create(response_format=response_format, **params)
        return cast("APIResponse[Any]", response)


@final
class TranscriptionsWithStreamingResponse:
    """`create`, for `async with`, giving the response itself, whose body has not been read."""

    def __init__(self, transcriptions: Transcriptions) -> None:
        self._create = TranscriptionsWithRawResponse(transcriptions).create

    @overload
    def create(
        self,
        *,
        response_format: Literal["json"] | None = ...,
        **params: Unpack[_CreateParams],
    ) -> ResponseManager[Transcription]: ...
    @overload
    def create(
        self, *, response_format: Literal["verbose_json"], **params: Unpack[_CreateParams]
    ) -> ResponseManager[TranscriptionVerbose]: ...
    @overload
    def create(
        self, *, response_format: Literal["text"], **params: Unpack[_CreateParams]
    ) -> ResponseManager[ResponseText]: ...
    @overload
    def create(
        self, *, response_format: str | None, **params: Unpack[_CreateParams]
    ) -> ResponseManager[Any]: ...
    def create(
        self, *, response_format: str | None = None, **params: Unpack[_CreateParams]
    ) -> ResponseManager[Any]:
        """As `Transcriptions.create`; entering makes the call."""
        make: Callable[..., Awaitable[APIResponse[Any]]] = self._create
        return ResponseManager(partial(make, response_format=response_format, **params))
