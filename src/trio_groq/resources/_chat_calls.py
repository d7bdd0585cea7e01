"""The parameters of a chat completion become a call, and its responses values."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from trio_groq._api.conversation import find_problems
from trio_groq._api.images import with_images
from trio_groq._api.model_checks import find_misuses
from trio_groq._api.parameters import Validator, sendable_messages
from trio_groq._api.requests import EVENT_STREAM, JSON, Call
from trio_groq._call import Caller, RequestOptions
from trio_groq._callers import warn
from trio_groq._images import embed_images
from trio_groq._readers import Reader, json_reader
from trio_groq.errors import ConversationWarning, InvalidRequestError
from trio_groq.resources._base import Streaming, make_call, with_stream
from trio_groq.resources._model_use import check_model
from trio_groq.types._base import Decoder
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chat_params import ChatCompletionCreateParams

if TYPE_CHECKING:
    from trio_groq.types.chunks import ChatCompletionChunk

__all__ = [
    "call_with_images",
    "chat_call",
    "chat_call_with_images",
    "checked_call",
    "chunk_decoder",
    "completion_reader",
]

_PATH: Final = "/openai/v1/chat/completions"


# Built at the first call: decoders and validators cost milliseconds that an import need not.
@cache
def completion_reader() -> Reader[ChatCompletion]:
    """Reads a completion."""
    return json_reader(Decoder(ChatCompletion))


@cache
def chunk_decoder(*, strict: bool) -> "Decoder[ChatCompletionChunk]":
    """Decodes one event of a stream."""
    from trio_groq.types.chunks import ChatCompletionChunk  # noqa: PLC0415 (for streams only)

    return Decoder(ChatCompletionChunk, strict=strict)


@cache
def _validator() -> Validator:
    return Validator(ChatCompletionCreateParams)


def _check_conversation(messages: Sequence[object], *, strict: bool) -> None:
    for problem in find_problems(messages):
        if strict:
            raise InvalidRequestError(str(problem), path=problem.path, value=problem.value)
        warn(str(problem), ConversationWarning)


def _check_model(caller: Caller, params: Mapping[str, Any], body: object) -> None:
    length = len(body) if isinstance(body, bytes) else 0
    check_model(caller, params["model"], lambda model: find_misuses(model, params, length))


def chat_call(
    caller: Caller,
    params: ChatCompletionCreateParams,
    options: RequestOptions,
    *,
    stream: Streaming,
) -> Call:
    """Check the parameters and make the call.

    Args:
        caller: Says how strict to be.
        params: Left out is not sent; None is sent as null.
        options: The caller's.
        stream: Whether an event stream is asked for; what was given is sent.

    Raises:
        InvalidRequestError: A parameter is not valid, or, when strict, the conversation does not
            hold together or the model cannot do what is asked, which is a `ConversationWarning` or
            a `ModelWarning` else.
    """
    _validator()(params)
    _check_conversation(params["messages"], strict=caller.strict)
    call = _make(params, options, stream)
    _check_model(caller, params, call.body)
    return call


def _make(params: ChatCompletionCreateParams, options: RequestOptions, stream: Streaming) -> Call:
    content = {**params, "messages": sendable_messages(params["messages"])}
    accept = EVENT_STREAM if stream is True else JSON
    return make_call("POST", _PATH, options, params=with_stream(content, stream), accept=accept)


def checked_call(
    caller: Caller,
    params: ChatCompletionCreateParams,
    options: RequestOptions,
    *,
    stream: Streaming,
) -> Call:
    """As `chat_call`, with nothing in the place of images, which are not read yet."""
    messages: Any = with_images(params["messages"], lambda _path, _image: "")
    return chat_call(caller, {**params, "messages": messages}, options, stream=stream)


async def chat_call_with_images(
    caller: Caller,
    params: ChatCompletionCreateParams,
    options: RequestOptions,
    *,
    stream: Streaming,
) -> Call:
    """As `chat_call`, with images encoded, those in files read."""
    messages: Any = await embed_images(params["messages"])
    return chat_call(caller, {**params, "messages": messages}, options, stream=stream)


async def call_with_images(
    params: ChatCompletionCreateParams, options: RequestOptions, *, stream: Streaming
) -> Call:
    """The call that `checked_call` has checked: what there is to warn of was told there."""
    messages: Any = await embed_images(params["messages"])
    return _make({**params, "messages": messages}, options, stream)
