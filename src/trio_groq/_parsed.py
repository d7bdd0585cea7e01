"""Completions whose answers are values of a type: how they are read, whole and streamed."""

from functools import cache
from types import TracebackType
from typing import Any, Generic, TypeVar, final

from trio_groq._api.structured import StructuredOutput
from trio_groq._open_response import OpenResponse
from trio_groq._readers import Reader, json_reader
from trio_groq._stream import ChatStream
from trio_groq._stream_views import StreamIterator
from trio_groq.errors import APIError, StreamError
from trio_groq.types._base import Decoder
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chunks import ChatCompletionChunk
from trio_groq.types.meta import ResponseMeta
from trio_groq.types.parsed import ParsedChatCompletion
from trio_groq.types.stream_events import StreamEvent

__all__ = ["ParsedChatStream", "parsed_reader"]

_T = TypeVar("_T")


@cache
def _decoder() -> Decoder[ParsedChatCompletion[Any]]:
    return Decoder(ParsedChatCompletion[Any])


def parsed_reader(output: StructuredOutput[_T]) -> Reader[ParsedChatCompletion[_T]]:
    """Reads a completion whose answers are of the type of `output`."""
    return _with_values(json_reader(_decoder()), output)


def _with_values(
    reader: Reader[ParsedChatCompletion[Any]], output: StructuredOutput[_T]
) -> Reader[ParsedChatCompletion[_T]]:
    decode_completion = reader.decode
    assert decode_completion is not None  # noqa: S101 (readers of JSON have one)

    def decode(body: bytes, response: OpenResponse) -> ParsedChatCompletion[_T]:
        completion = decode_completion(body, response)
        try:
            return output.read(completion)
        except APIError as error:
            response.blame(error)
            raise

    strict = None if reader.strict is None else _with_values(reader.strict, output)
    return Reader(decode=decode, strict=strict)


@final
class ParsedChatStream(Generic[_T]):
    """One streamed chat completion of a type. Made by `client.chat.completions`, not by hand.

    It is used like a `ChatStream`: `async with`, `async for` and the other views, which give the
    text as it comes. At the end, `parsed` is the value.
    """

    __slots__ = ("_output", "_parsed", "_stream")

    def __init__(self, stream: ChatStream, output: StructuredOutput[_T]) -> None:
        self._stream = stream
        self._output = output
        self._parsed: ParsedChatCompletion[_T] | None = None

    async def __aenter__(self) -> "ParsedChatStream[_T]":
        await self._stream.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stream.aclose()

    async def aclose(self) -> None:
        """Give the connection back, or close it if the stream was not read to its end."""
        await self._stream.aclose()

    def __aiter__(self) -> "ParsedChatStream[_T]":
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        return await self._stream.__anext__()

    def batches(self) -> StreamIterator[list[ChatCompletionChunk]]:
        """The chunks as lists, one for each receive: cheaper where many come at once."""
        return self._stream.batches()

    def text_deltas(self) -> StreamIterator[str]:
        """The pieces of text of the first choice, none of them empty."""
        return self._stream.text_deltas()

    def events(self) -> StreamIterator[StreamEvent]:
        """The stream as typed events, with a `DoneEvent` at its end."""
        return self._stream.events()

    async def until_done(self) -> ParsedChatCompletion[_T]:
        """Read the stream to its end.

        Returns:
            The whole completion, with the value.

        Raises:
            APIError: See `parsed_completion`, and `ChatStream`.
        """
        await self._stream.until_done()
        return self.parsed_completion

    @property
    def completion(self) -> ChatCompletion:
        """The completion put together from the chunks handed out so far; whole at the end."""
        return self._stream.completion

    @property
    def parsed_completion(self) -> ParsedChatCompletion[_T]:
        """The whole completion, with the value.

        Raises:
            StreamError: The answer is not whole yet.
            RefusalError: The model refuses to answer in this form.
            CutOffError: The answer was cut off by a limit.
            APIResponseValidationError: The answer is not JSON, or JSON of another shape.
        """
        if self._parsed is None:
            completion = self._stream.completion
            choices = completion.choices
            if not (choices and all(choice.finish_reason for choice in choices)):
                message = "stream: expected it to be read to its end first, got a use of its value"
                raise StreamError(message, partial=completion)
            try:
                self._parsed = self._output.read(completion)
            except APIError as error:
                self._stream._complete(error)  # noqa: SLF001 (the stream is a part of this one)
                raise
        return self._parsed

    @property
    def parsed(self) -> _T:
        """The first answer as a value.

        Raises:
            APIError: See `parsed_completion`.
        """
        return self.parsed_completion.parsed

    @property
    def response(self) -> ResponseMeta:
        """Status, headers, request id and timings of the response, as far as it has come.

        Raises:
            StreamError: The stream is not open yet.
        """
        return self._stream.response

    meta = response
