"""`client.chat.completions`. Source: API reference, "Chat"."""

# ruff: noqa: PLC0415 (streams, structured outputs and raw responses load at their first use)

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, Unpack, cast, final, overload

from trio_groq._api.images import has_images
from trio_groq._api.requests import HeaderOptions, QueryOptions
from trio_groq._api.retry import RetryOption
from trio_groq._call import NOT_GIVEN, Caller, NotGiven, RequestOptions
from trio_groq._http.deadlines import TimeoutOption
from trio_groq._open_response import OpenResponse
from trio_groq._readers import Reader
from trio_groq.resources._base import as_raw, as_streaming, collect
from trio_groq.resources._chat_calls import (
    call_with_images,
    chat_call,
    chat_call_with_images,
    checked_call,
    chunk_decoder,
    completion_reader,
)
from trio_groq.resources._chat_tools import Asks, Streams, ToolMethods
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chat_params import (
    ChatCompletionCreateParams,
    ChatCompletionParseParams,
)
from trio_groq.types.chat_tools import ResponseFormatParam

if TYPE_CHECKING:
    from trio_groq._api.structured import StructuredOutput
    from trio_groq._api_response import APIResponse, ResponseManager
    from trio_groq._parsed import ParsedChatStream
    from trio_groq._stream import ChatStream
    from trio_groq.types.parsed import ParsedChatCompletion

__all__ = ["Chat", "ChatCompletions"]

T = TypeVar("T")


class _CreateParams(ChatCompletionCreateParams, RequestOptions, total=False):
    """The parameters of a completion and the options of a call."""


@final
class ChatCompletions(ToolMethods):
    """Answers of a model to a conversation."""

    @property
    def with_raw_response(self) -> "ChatCompletionsWithRawResponse":
        """The same methods, returning the response itself, read."""
        return ChatCompletionsWithRawResponse(ChatCompletions(self._caller.raw()))

    @property
    def with_streaming_response(self) -> "ChatCompletionsWithStreamingResponse":
        """The same methods, for `async with`, giving the response itself, unread."""
        streaming = ChatCompletions(self._caller.streaming())
        return ChatCompletionsWithStreamingResponse(streaming)

    @overload
    async def create(
        self,
        *,
        stream: Literal[True],
        extra_headers: HeaderOptions | None = ...,
        extra_query: QueryOptions | None = ...,
        extra_body: Mapping[str, object] | None = ...,
        timeout: TimeoutOption | NotGiven = ...,
        max_retries: RetryOption | NotGiven = ...,
        **params: Unpack[ChatCompletionCreateParams],
    ) -> "ChatStream": ...
    @overload
    async def create(
        self,
        *,
        stream: Literal[False] | NotGiven | None = ...,
        extra_headers: HeaderOptions | None = ...,
        extra_query: QueryOptions | None = ...,
        extra_body: Mapping[str, object] | None = ...,
        timeout: TimeoutOption | NotGiven = ...,
        max_retries: RetryOption | NotGiven = ...,
        **params: Unpack[ChatCompletionCreateParams],
    ) -> ChatCompletion: ...
    @overload
    async def create(
        self,
        *,
        stream: bool | NotGiven | None,
        extra_headers: HeaderOptions | None = ...,
        extra_query: QueryOptions | None = ...,
        extra_body: Mapping[str, object] | None = ...,
        timeout: TimeoutOption | NotGiven = ...,
        max_retries: RetryOption | NotGiven = ...,
        **params: Unpack[ChatCompletionCreateParams],
    ) -> "ChatCompletion | ChatStream": ...
    async def create(
        self,
        *,
        stream: bool | NotGiven | None = NOT_GIVEN,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[ChatCompletionCreateParams],
    ) -> "ChatCompletion | ChatStream":
        """Have a model answer.

        Args:
            stream: Return the answer while it is being written. Use the stream with `async with`.
            extra_headers: Header fields for this request; None takes a default one away.
            extra_query: Query parameters for this request.
            extra_body: Fields of the body that the parameters do not have (yet); they win over
                parameters of the same name.
            timeout: Seconds for the whole call, or limits by phase.
            max_retries: How often it is repeated at the most, or a policy.
            params: See `ChatCompletionCreateParams`. Left out is not sent; None is sent as null.

        Returns:
            The completion; with `stream=True` a stream of chunks, whose head has arrived.

        Raises:
            InvalidRequestError: A parameter is not valid; nothing was sent.
            APIError: The call failed: see the error tree.
        """
        options = collect(extra_headers, extra_query, extra_body, timeout, max_retries)
        if has_images(params.get("messages")):
            call = await chat_call_with_images(self._caller, params, options, stream=stream)
        else:
            call = chat_call(self._caller, params, options, stream=stream)
        if stream is True:
            return await self._caller.perform(
                call, self._stream_reader(), timeout=timeout, max_retries=max_retries
            )
        return await self._caller.perform(
            call, completion_reader(), timeout=timeout, max_retries=max_retries
        )

    async def parse(
        self,
        *,
        response_format: type[T],
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[ChatCompletionParseParams],
    ) -> "ParsedChatCompletion[T]":
        """Have a model answer with a value of a type.

        The type becomes a strict JSON Schema: every field is asked for, also one with a default,
        and what the schema cannot say (limits, formats, defaults) is told to the model in words.
        Where the model shall be free to have no value, use `| None`.

        Args:
            response_format: A msgspec Struct, attrs class, dataclass or TypedDict, with fields of
                plain types, enumerations, lists and further ones of these; no `dict` and no `Any`.
            extra_headers: As for `create`, and so are all others.
            extra_query: See there.
            extra_body: See there.
            timeout: See there.
            max_retries: See there.
            params: See there.

        Returns:
            The completion; `parsed` is its answer.

        Raises:
            InvalidRequestError: No strict schema can be made of the type, or a parameter is not
                valid; nothing was sent.
            RefusalError: The model refuses to answer in this form.
            CutOffError: The answer is not whole: a limit on tokens, or the content filter.
            APIResponseValidationError: The answer is not JSON, or JSON of another shape.
            APIError: The call failed: see the error tree.
        """
        from trio_groq._api.structured import structured_output
        from trio_groq._parsed import parsed_reader

        output = structured_output(response_format)
        options = collect(extra_headers, extra_query, extra_body, timeout, max_retries)
        wanted: ChatCompletionCreateParams = {**params, "response_format": output.response_format}
        if has_images(wanted.get("messages")):
            call = await chat_call_with_images(self._caller, wanted, options, stream=NOT_GIVEN)
        else:
            call = chat_call(self._caller, wanted, options, stream=NOT_GIVEN)
        return await self._caller.perform(
            call, parsed_reader(output), timeout=timeout, max_retries=max_retries
        )

    @overload
    def stream(
        self,
        *,
        response_format: type[T],
        extra_headers: HeaderOptions | None = ...,
        extra_query: QueryOptions | None = ...,
        extra_body: Mapping[str, object] | None = ...,
        timeout: TimeoutOption | NotGiven = ...,
        max_retries: RetryOption | NotGiven = ...,
        **params: Unpack[ChatCompletionParseParams],
    ) -> "ParsedChatStream[T]": ...
    @overload
    def stream(
        self,
        *,
        response_format: ResponseFormatParam | None = ...,
        extra_headers: HeaderOptions | None = ...,
        extra_query: QueryOptions | None = ...,
        extra_body: Mapping[str, object] | None = ...,
        timeout: TimeoutOption | NotGiven = ...,
        max_retries: RetryOption | NotGiven = ...,
        **params: Unpack[ChatCompletionParseParams],
    ) -> "ChatStream": ...
    def stream(
        self,
        *,
        response_format: type[T] | ResponseFormatParam | NotGiven | None = NOT_GIVEN,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[ChatCompletionParseParams],
    ) -> "ChatStream | ParsedChatStream[T]":
        """Have a model answer, and read the answer while it is being written.

        Args:
            response_format: The form of the answer; or a type, as for `parse`.
            extra_headers: As for `create`, and so are all others.
            extra_query: See there.
            extra_body: See there.
            timeout: See there.
            max_retries: See there. Nothing is repeated once the response's head has come.
            params: See there.

        Returns:
            A stream, for `async with`, which sends the request. For a type a `ParsedChatStream`,
            whose `parsed` is the answer at its end.

        Raises:
            InvalidRequestError: A parameter is not valid; nothing was sent.
        """
        options = collect(extra_headers, extra_query, extra_body, timeout, max_retries)
        wanted = cast("ChatCompletionCreateParams", {**params})
        output: StructuredOutput[T] | None = None
        if response_format is None or isinstance(response_format, Mapping):
            wanted["response_format"] = response_format
        elif not isinstance(response_format, NotGiven):
            from trio_groq._api.structured import structured_output

            output = structured_output(response_format)
            wanted["response_format"] = output.response_format
        images = has_images(wanted.get("messages"))
        checked = (checked_call if images else chat_call)(
            self._caller, wanted, options, stream=True
        )

        async def open_response() -> OpenResponse:
            call = checked
            if images:
                call = await call_with_images(wanted, options, stream=True)
            return await self._caller.open(
                call, events=True, timeout=timeout, max_retries=max_retries
            )

        stream = self._make_stream(open_response)
        if output is None:
            return stream
        from trio_groq._parsed import ParsedChatStream

        return ParsedChatStream(stream, output)

    def _for_tools(self) -> tuple[Asks, Streams]:
        return self.create, self.stream

    def _make_stream(self, open_response: Callable[[], Awaitable[OpenResponse]]) -> "ChatStream":
        from trio_groq._stream import ChatStream

        caller = self._caller
        decoder = chunk_decoder(strict=caller.strict)
        return ChatStream(open_response, decoder, max_event_bytes=caller.max_event_bytes)

    def _stream_reader(self) -> "Reader[ChatStream]":
        async def open_stream(response: OpenResponse) -> "ChatStream":
            async def opened() -> OpenResponse:
                return response  # noqa: ASYNC910 (its head has come already)

            return await self._make_stream(opened).open()

        return Reader(open=open_stream, events=True)


@final
class ChatCompletionsWithRawResponse:
    """`create` and `parse`, returning the response itself, read unless it is a stream."""

    def __init__(self, completions: ChatCompletions) -> None:
        self._completions = completions
        self.parse: Final = as_raw(completions.parse)

    @overload
    async def create(
        self, *, stream: Literal[True], **params: Unpack[_CreateParams]
    ) -> "APIResponse[ChatStream]": ...
    @overload
    async def create(
        self, *, stream: Literal[False] | NotGiven | None = ..., **params: Unpack[_CreateParams]
    ) -> "APIResponse[ChatCompletion]": ...
    async def create(
        self, *, stream: bool | NotGiven | None = NOT_GIVEN, **params: Unpack[_CreateParams]
    ) -> "APIResponse[ChatCompletion] | APIResponse[ChatStream]":
        """As `ChatCompletions.create`; `await response.parse()` is what that returns."""
        result = await self._completions.create(stream=stream, **params)
        return cast("APIResponse[ChatCompletion] | APIResponse[ChatStream]", result)


@final
class ChatCompletionsWithStreamingResponse:
    """`create` and `parse`, for `async with`, giving the response itself, unread."""

    def __init__(self, completions: ChatCompletions) -> None:
        self._create = ChatCompletionsWithRawResponse(completions).create
        self.parse: Final = as_streaming(completions.parse)

    @overload
    def create(
        self, *, stream: Literal[True], **params: Unpack[_CreateParams]
    ) -> "ResponseManager[ChatStream]": ...
    @overload
    def create(
        self, *, stream: Literal[False] | NotGiven | None = ..., **params: Unpack[_CreateParams]
    ) -> "ResponseManager[ChatCompletion]": ...
    def create(
        self, *, stream: bool | NotGiven | None = NOT_GIVEN, **params: Unpack[_CreateParams]
    ) -> "ResponseManager[ChatCompletion] | ResponseManager[ChatStream]":
        """As `ChatCompletions.create`; entering makes the call."""
        from trio_groq._api_response import ResponseManager

        make: Callable[..., Awaitable[APIResponse[Any]]] = self._create
        return ResponseManager(partial(make, stream=stream, **params))


@final
class Chat:
    """The chat resources.

    Attributes:
        completions: Answers of a model to a conversation.
    """

    def __init__(self, caller: Caller) -> None:
        self.completions: Final = ChatCompletions(caller)
