"""`client.responses`. Source: API reference, "Responses"."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final, Literal, Unpack, cast, final, overload

import msgspec

from trio_groq._api.model_checks import find_response_misuses
from trio_groq._api.parameters import Validator
from trio_groq._api.requests import EVENT_STREAM, JSON, Call, HeaderOptions, QueryOptions
from trio_groq._api.retry import RetryOption
from trio_groq._api_response import APIResponse, ResponseManager
from trio_groq._call import NOT_GIVEN, Caller, NotGiven, RequestOptions
from trio_groq._http.deadlines import TimeoutOption
from trio_groq._open_response import OpenResponse
from trio_groq._readers import Reader, json_reader
from trio_groq._response_stream import ResponseStream
from trio_groq.resources._base import Resource, collect, make_call, with_stream
from trio_groq.resources._model_use import check_model
from trio_groq.types._open_unions import OpenDecoder
from trio_groq.types.responses import ResponseObject
from trio_groq.types.responses_events import KnownEvent, ResponseStreamEvent, UnknownEvent
from trio_groq.types.responses_items import (
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseOutputText,
)
from trio_groq.types.responses_params import ResponseCreateParams

__all__ = ["Responses"]

_PATH: Final = "/openai/v1/responses"


class _CreateParams(ResponseCreateParams, RequestOptions, total=False):
    """The parameters of a response and the options of a call."""


# Built at the first call: decoders and validators cost milliseconds that an import need not.
@cache
def _response_reader() -> Reader[ResponseObject]:
    forgiving: OpenDecoder[ResponseObject] = OpenDecoder(ResponseObject)
    strict: OpenDecoder[ResponseObject] = OpenDecoder(ResponseObject, strict=True)
    return msgspec.structs.replace(json_reader(forgiving), strict=json_reader(strict))


@cache
def _event_decoder(*, strict: bool) -> OpenDecoder[ResponseStreamEvent]:
    return OpenDecoder(KnownEvent, unknown=UnknownEvent, strict=strict)


@cache
def _validator() -> Validator:
    return Validator(ResponseCreateParams)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)


def _typed(item: object) -> object:
    """An item as the check wants it: a message may leave out its type, and no other item may."""
    if isinstance(item, Mapping) and "role" in item and "type" not in item:
        return {"type": "message", **item}
    return item


def _sendable(item: object) -> object:
    """A message of the model in the only form of one that the API takes: without type and id."""
    if not isinstance(item, ResponseOutputMessage):
        return item
    texts = [
        part.text if isinstance(part, ResponseOutputText) else part.refusal
        for part in item.content
        if isinstance(part, ResponseOutputText | ResponseOutputRefusal)
    ]
    if len(texts) < len(item.content):
        return item  # there are parts that nobody knows; let the API decide
    return {"role": item.role, "content": "".join(texts)}


def _call(
    caller: Caller,
    params: ResponseCreateParams,
    options: RequestOptions,
    *,
    stream: bool | NotGiven | None,
) -> Call:
    content: dict[str, object] = {**params}
    given = content.get("input")
    if _is_list(given):
        items = cast("Sequence[object]", given)
        content["input"] = [_typed(item) for item in items]
        _validator()(content)
        content["input"] = [_sendable(item) for item in items]
    else:
        _validator()(content)
    accept = EVENT_STREAM if stream is True else JSON
    call = make_call("POST", _PATH, options, params=with_stream(content, stream), accept=accept)
    length = len(call.body) if isinstance(call.body, bytes) else 0
    find = partial(find_response_misuses, params=content, body_length=length)
    check_model(caller, params["model"], find)
    return call


@final
class Responses(Resource):
    """Answers of a model to an input, with the tools that it used as items beside the text."""

    @property
    def with_raw_response(self) -> "ResponsesWithRawResponse":
        """The same methods, returning the response itself, read."""
        return ResponsesWithRawResponse(Responses(self._caller.raw()))

    @property
    def with_streaming_response(self) -> "ResponsesWithStreamingResponse":
        """The same methods, for `async with`, giving the response itself, unread."""
        return ResponsesWithStreamingResponse(Responses(self._caller.streaming()))

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
        **params: Unpack[ResponseCreateParams],
    ) -> ResponseStream: ...
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
        **params: Unpack[ResponseCreateParams],
    ) -> ResponseObject: ...
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
        **params: Unpack[ResponseCreateParams],
    ) -> ResponseObject | ResponseStream: ...
    async def create(
        self,
        *,
        stream: bool | NotGiven | None = NOT_GIVEN,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[ResponseCreateParams],
    ) -> ResponseObject | ResponseStream:
        """Have a model answer.

        The API keeps nothing: to go on with a conversation, send it as `input`, the items of the
        earlier `output` among it as they came. (A `ResponseOutputMessage` is sent as role and
        text, the one form of a message of the model that the API documents.)

        Args:
            stream: Return the answer while it is being made. Use the stream with `async with`.
            extra_headers: Header fields for this request; None takes a default one away.
            extra_query: Query parameters for this request.
            extra_body: Fields of the body that the parameters do not have (yet); they win over
                parameters of the same name.
            timeout: Seconds for the whole call, or limits by phase.
            max_retries: How often it is repeated at the most, or a policy.
            params: See `ResponseCreateParams`. Left out is not sent; None is sent as null.

        Returns:
            The response; with `stream=True` a stream of events, whose head has arrived. A response
            that has failed or is incomplete is returned, too: see its `status`.

        Raises:
            InvalidRequestError: A parameter is not valid; nothing was sent.
            APIError: The call failed: see the error tree.
        """
        options = collect(extra_headers, extra_query, extra_body, timeout, max_retries)
        call = _call(self._caller, params, options, stream=stream)
        if stream is True:
            return await self._caller.perform(
                call, self._stream_reader(), timeout=timeout, max_retries=max_retries
            )
        return await self._caller.perform(
            call, _response_reader(), timeout=timeout, max_retries=max_retries
        )

    def stream(
        self,
        *,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[ResponseCreateParams],
    ) -> ResponseStream:
        """Have a model answer, and read the answer while it is being made.

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
        call = _call(self._caller, params, options, stream=True)

        async def open_response() -> OpenResponse:
            return await self._caller.open(
                call, events=True, timeout=timeout, max_retries=max_retries
            )

        return self._make_stream(open_response)

    def _make_stream(self, open_response: Callable[[], Awaitable[OpenResponse]]) -> ResponseStream:
        caller = self._caller
        return ResponseStream(
            open_response,
            _event_decoder(strict=caller.strict),
            max_event_bytes=caller.max_event_bytes,
        )

    def _stream_reader(self) -> Reader[ResponseStream]:
        async def open_stream(response: OpenResponse) -> ResponseStream:
            async def opened() -> OpenResponse:
                return response  # noqa: ASYNC910 (its head has come already)

            return await self._make_stream(opened).open()

        return Reader(open=open_stream, events=True)


@final
class ResponsesWithRawResponse:
    """`create`, returning the response itself, whose body has been read unless it is a stream."""

    def __init__(self, responses: Responses) -> None:
        self._responses = responses

    @overload
    async def create(
        self, *, stream: Literal[True], **params: Unpack[_CreateParams]
    ) -> APIResponse[ResponseStream]: ...
    @overload
    async def create(
        self, *, stream: Literal[False] | NotGiven | None = ..., **params: Unpack[_CreateParams]
    ) -> APIResponse[ResponseObject]: ...
    async def create(
        self, *, stream: bool | NotGiven | None = NOT_GIVEN, **params: Unpack[_CreateParams]
    ) -> APIResponse[ResponseObject] | APIResponse[ResponseStream]:
        """As `Responses.create`; `await response.parse()` is what that returns."""
        result = await self._responses.create(stream=stream, **params)
        return cast("APIResponse[ResponseObject] | APIResponse[ResponseStream]", result)


@final
class ResponsesWithStreamingResponse:
    """`create`, for `async with`, giving the response itself, whose body has not been read."""

    def __init__(self, responses: Responses) -> None:
        self._create = ResponsesWithRawResponse(responses).create

    @overload
    def create(
        self, *, stream: Literal[True], **params: Unpack[_CreateParams]
    ) -> ResponseManager[ResponseStream]: ...
    @overload
    def create(
        self, *, stream: Literal[False] | NotGiven | None = ..., **params: Unpack[_CreateParams]
    ) -> ResponseManager[ResponseObject]: ...
    def create(
        self, *, stream: bool | NotGiven | None = NOT_GIVEN, **params: Unpack[_CreateParams]
    ) -> ResponseManager[ResponseObject] | ResponseManager[ResponseStream]:
        """As `Responses.create`; entering makes the call."""
        make: Callable[..., Awaitable[APIResponse[Any]]] = self._create
        return ResponseManager(partial(make, stream=stream, **params))
