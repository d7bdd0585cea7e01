"""`client.chat.completions`. Source: API reference, "Chat"."""

from collections.abc import Mapping
from functools import cache
from typing import Final, Literal, Unpack, final, overload

from trio_groq._api.parameters import Validator, encode_json, sendable_messages
from trio_groq._api.requests import EVENT_STREAM, JSON, Call, HeaderOptions, QueryOptions
from trio_groq._api.retry import RetryOption
from trio_groq._call import NOT_GIVEN, Caller, NotGiven, OpenResponse
from trio_groq._http.deadlines import TimeoutOption
from trio_groq._stream import ChatStream
from trio_groq.types._base import Decoder, attach_meta
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chat_params import ChatCompletionCreateParams
from trio_groq.types.chunks import ChatCompletionChunk

__all__ = ["Chat", "ChatCompletions"]

_PATH: Final = "/openai/v1/chat/completions"


# Built at the first call: decoders and validators cost milliseconds that an import need not.
@cache
def _completion_decoder() -> Decoder[ChatCompletion]:
    return Decoder(ChatCompletion)


@cache
def _chunk_decoder() -> Decoder[ChatCompletionChunk]:
    return Decoder(ChatCompletionChunk)


@cache
def _validator() -> Validator:
    return Validator(ChatCompletionCreateParams)


def _call(
    params: ChatCompletionCreateParams,
    *,
    stream: bool,
    headers: HeaderOptions | None,
    query: QueryOptions | None,
    body: Mapping[str, object] | None,
) -> Call:
    _validator()(params, stacklevel=3)
    content: dict[str, object] = {**params, "messages": sendable_messages(params["messages"])}
    if stream:
        content["stream"] = True
    if body:
        content.update(body)
    return Call(
        method="POST",
        path=_PATH,
        body=encode_json(content),
        content_type=JSON,
        accept=EVENT_STREAM if stream else JSON,
        headers=headers or {},
        query=query or {},
    )


@final
class ChatCompletions:
    """Answers of a model to a conversation."""

    def __init__(self, caller: Caller, *, max_event_bytes: int) -> None:
        self._caller = caller
        self._max_event_bytes = max_event_bytes

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
        call = _call(
            params,
            stream=bool(stream),
            headers=extra_headers,
            query=extra_query,
            body=extra_body,
        )
        if stream:
            opened = self._open_stream(call, timeout, max_retries)
            return await opened.open()
        completion, meta = await self._caller.fetch(
            call, _completion_decoder(), timeout=timeout, max_retries=max_retries
        )
        attach_meta(completion, meta)
        return completion

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
        call = _call(params, stream=True, headers=extra_headers, query=extra_query, body=extra_body)
        return self._open_stream(call, timeout, max_retries)

    def _open_stream(
        self,
        call: Call,
        timeout: TimeoutOption | NotGiven,
        max_retries: RetryOption | NotGiven,
    ) -> ChatStream:
        async def open_response() -> OpenResponse:
            return await self._caller.open_stream(call, timeout=timeout, max_retries=max_retries)

        return ChatStream(open_response, _chunk_decoder(), max_event_bytes=self._max_event_bytes)


@final
class Chat:
    """The chat resources.

    Attributes:
        completions: Answers of a model to a conversation.
    """

    def __init__(self, caller: Caller, *, max_event_bytes: int) -> None:
        self.completions: Final = ChatCompletions(caller, max_event_bytes=max_event_bytes)
