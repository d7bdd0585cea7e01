"""`client.chat.completions`. Source: API reference, "Chat"."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, Literal, Unpack, cast, final, overload

from trio_groq._api.requests import HeaderOptions, QueryOptions
from trio_groq._api.retry import RetryOption
from trio_groq._api_response import APIResponse, ResponseManager
from trio_groq._call import NOT_GIVEN, Caller, NotGiven, RequestOptions
from trio_groq._http.deadlines import TimeoutOption
from trio_groq._open_response import OpenResponse
from trio_groq._readers import Reader
from trio_groq._stream import ChatStream
from trio_groq.resources._base import Resource, collect
from trio_groq.resources._chat_calls import (
    chat_call,
    chat_call_with_images,
    checked_call,
    chunk_decoder,
    completion_reader,
    has_images,
)
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chat_params import ChatCompletionCreateParams

__all__ = ["Chat", "ChatCompletions"]


class _CreateParams(ChatCompletionCreateParams, RequestOptions, total=False):
    """The parameters of a completion and the options of a call."""


@final
class ChatCompletions(Resource):
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
    ) -> ChatStream: ...
    @overload
    async def create(
        self,
        *,
        stream: Literal[False] | None = ...,
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
        stream: bool,
        extra_headers: HeaderOptions | None = ...,
        extra_query: QueryOptions | None = ...,
        extra_body: Mapping[str, object] | None = ...,
        timeout: TimeoutOption | NotGiven = ...,
        max_retries: RetryOption | NotGiven = ...,
        **params: Unpack[ChatCompletionCreateParams],
    ) -> ChatCompletion | ChatStream: ...
    async def create(
        self,
        *,
        stream: bool | None = None,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[ChatCompletionCreateParams],
    ) -> ChatCompletion | ChatStream:
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
        if has_images(params):
            call = await chat_call_with_images(self._caller, params, options, stream=bool(stream))
        else:
            call = chat_call(self._caller, params, options, stream=bool(stream))
        if stream:
            return await self._caller.perform(
                call, self._stream_reader(), timeout=timeout, max_retries=max_retries
            )
        return await self._caller.perform(
            call, completion_reader(), timeout=timeout, max_retries=max_retries
        )

    def stream(
        self,
        *,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[ChatCompletionCreateParams],
    ) -> ChatStream:
        """Have a model answer, and read the answer while it is being written.

        Args:
            extra_headers: As for `create`, and so are all others.
            extra_query: See there.
            extra_body: See there.
            timeout: See there.
            max_retries: See there. Nothing is repeated once the response's head has come.
            params: See there.

        Returns:
            A stream, for `async with`, which sends the request.

        Raises:
            InvalidRequestError: A parameter is not valid; nothing was sent.
        """
        options = collect(extra_headers, extra_query, extra_body, timeout, max_retries)
        images = has_images(params)
        checked = (checked_call if images else chat_call)(
            self._caller, params, options, stream=True
        )

        async def open_response() -> OpenResponse:
            call = checked
            if images:
                call = await chat_call_with_images(self._caller, params, options, stream=True)
            return await self._caller.open(
                call, events=True, timeout=timeout, max_retries=max_retries
            )

        return self._make_stream(open_response)

    def _make_stream(self, open_response: Callable[[], Awaitable[OpenResponse]]) -> ChatStream:
        caller = self._caller
        decoder = chunk_decoder(strict=caller.strict)
        return ChatStream(open_response, decoder, max_event_bytes=caller.max_event_bytes)

    def _stream_reader(self) -> Reader[ChatStream]:
        async def open_stream(response: OpenResponse) -> ChatStream:
            async def opened() -> OpenResponse:
                return response  # noqa: ASYNC910 (its head has come already)

            return await self._make_stream(opened).open()

        return Reader(open=open_stream, events=True)


@final
class ChatCompletionsWithRawResponse:
    """`create`, returning the response itself, whose body has been read unless it is a stream."""

    def __init__(self, completions: ChatCompletions) -> None:
        self._completions = completions

    @overload
    async def create(
        self, *, stream: Literal[True], **params: Unpack[_CreateParams]
    ) -> APIResponse[ChatStream]: ...
    @overload
    async def create(
        self, *, stream: Literal[False] | None = ..., **params: Unpack[_CreateParams]
    ) -> APIResponse[ChatCompletion]: ...
    async def create(
        self, *, stream: bool | None = None, **params: Unpack[_CreateParams]
    ) -> APIResponse[ChatCompletion] | APIResponse[ChatStream]:
        """As `ChatCompletions.create`; `await response.parse()` is what that returns."""
        result = await self._completions.create(stream=bool(stream), **params)
        return cast("APIResponse[ChatCompletion] | APIResponse[ChatStream]", result)


@final
class ChatCompletionsWithStreamingResponse:
    """`create`, for `async with`, giving the response itself, whose body has not been read."""

    def __init__(self, completions: ChatCompletions) -> None:
        self._create = ChatCompletionsWithRawResponse(completions).create

    @overload
    def create(
        self, *, stream: Literal[True], **params: Unpack[_CreateParams]
    ) -> ResponseManager[ChatStream]: ...
    @overload
    def create(
        self, *, stream: Literal[False] | None = ..., **params: Unpack[_CreateParams]
    ) -> ResponseManager[ChatCompletion]: ...
    def create(
        self, *, stream: bool | None = None, **params: Unpack[_CreateParams]
    ) -> ResponseManager[ChatCompletion] | ResponseManager[ChatStream]:
        """As `ChatCompletions.create`; entering makes the call."""
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
