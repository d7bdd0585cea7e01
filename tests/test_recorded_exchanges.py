"""Every recorded exchange, made again: the same request is sent, and the answer is read whole.

Streams in all splits, bodies in all framings, and every field of errors, are proved elsewhere
(`test_recorded_streams.py`, `test_recorded_bodies.py`). Here each request goes with its response.
"""

import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast, get_type_hints

import msgspec
import pytest

from lossless import lost
from recorded_exchanges import Exchange, exchanges
from shared_data import DATA, needs_shared_data
from trio_groq import GroqClient, errors
from trio_groq.errors import ConversationWarning
from trio_groq.testing import FakeGroq
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chat_params import ChatCompletionCreateParams

pytestmark = needs_shared_data

PROMPT: Final = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
"""Asked where the recording does not say what was asked."""

PARAMETERS: Final = frozenset(get_type_hints(ChatCompletionCreateParams))

DEFAULTS: Final = {"stream": False}
"""Parameters that say nothing when they have this value: to leave them out is to say the same."""

NO_PARAMETERS: Final[Mapping[str, int]] = {}
"""Fields of recorded requests that are no parameter, and how many requests have them."""

DEPRECATED: Final = {"max_tokens": 367}
"""Deprecated parameters of recorded requests, and how many requests have them."""

NOT_KEPT: Final = {
    ".usage.pydantic_ai_gateway": "a gateway on the way added it; the API does not have it",
}
"""Members of recorded answers that no type has, each with the reason."""

CLASSES: Final[Mapping[int, type[errors.APIStatusError]]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    404: errors.NotFoundError,
    429: errors.RateLimitError,
}
CLASSES_BY_CODE: Final[Mapping[str | None, type[errors.APIStatusError]]] = {
    "model_not_found": errors.ModelNotFoundError,
    "tool_use_failed": errors.ToolUseFailedError,
}


def over_http() -> list[Exchange]:
    """The records of HTTP; the others are what a library made of an answer."""
    return [exchange for exchange in exchanges() if exchange.status is not None]


def named(exchange: Exchange) -> bool:
    return exchange.endpoint == "chat" and exchange.params is not None


def plain(value: object) -> Any:
    """What a value is when it is encoded."""
    return json.loads(msgspec.json.encode(value))


def chat_arguments(exchange: Exchange) -> dict[str, Any]:
    """The recorded body as arguments of `create`."""
    params = exchange.params
    if params is None:
        return {**PROMPT, "stream": exchange.kind == "sse"}
    extra = {name: value for name, value in params.items() if name not in PARAMETERS | {"stream"}}
    given = {name: value for name, value in params.items() if name not in extra}
    return {**given, **({"extra_body": extra} if extra else {})}


async def chat(client: GroqClient, exchange: Exchange) -> Any:
    """The answer encoded again; of a stream a list of its chunks, up to an error if there is one."""
    answer = await client.chat.completions.create(**chat_arguments(exchange))
    if isinstance(answer, ChatCompletion):
        return plain(answer)
    chunks = []
    async with answer as stream:
        try:
            async for chunk in stream:
                chunks.append(plain(chunk))  # noqa: PERF401 (those before an error count, too)
        except errors.APIStatusError as error:
            assert isinstance(error, errors.ToolUseFailedError)
            chunks.append(error.body)
    return chunks


async def transcribe(client: GroqClient, exchange: Exchange) -> Any:
    form = "verbose_json" if b'"segments"' in exchange.body else "json"
    if exchange.kind == "text":
        form = "text"
    answer = await client.audio.transcriptions.create(
        model="whisper-large-v3", file=("a.wav", b"RIFF"), response_format=form
    )
    return str(answer) if isinstance(answer, str) else plain(answer)


async def answer_to(client: GroqClient, exchange: Exchange) -> Any:
    """Ask what was asked, and encode what is answered."""
    if exchange.endpoint == "models":
        return plain(await client.models.list())
    ask = chat if exchange.endpoint == "chat" else transcribe
    return await ask(client, exchange)


def recorded(exchange: Exchange) -> Any:
    """The recorded answer in the form of `answer_to`."""
    if exchange.kind == "text":
        return exchange.body.decode()
    if exchange.kind != "sse":
        return json.loads(exchange.body)
    return [json.loads(data) for _, data in exchange.events() if data != "[DONE]"]


def expected_error(exchange: Exchange) -> type[errors.APIError]:
    if exchange.status == 200:  # the body was not recorded
        is_stream = exchange.kind == "sse"
        return errors.StreamError if is_stream else errors.APIResponseValidationError
    assert exchange.status is not None
    stated = json.loads(exchange.body)["error"] if exchange.body.startswith(b"{") else {}
    if stated.get("message") == "Please reduce the length of the messages or completion.":
        return errors.ContextLengthExceededError
    return CLASSES_BY_CODE.get(stated.get("code"), CLASSES[exchange.status])


@contextmanager
def deprecations(exchange: Exchange) -> Iterator[None]:
    """Deprecated parameters warn, each once, and nothing else does but a broken conversation."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    said = [each for each in caught if not issubclass(each.category, ConversationWarning)]
    expected = sorted(set(exchange.params or ()) & set(DEPRECATED))
    assert [str(each.message).split(" ")[0] for each in said] == expected
    assert all(each.category is DeprecationWarning for each in said)


async def differences(server: FakeGroq, client: GroqClient, exchange: Exchange) -> list[Any]:
    """What is wrong with one exchange when it is made again."""
    server.enqueue(exchange.reply())
    wrong: list[Any] = []
    with deprecations(exchange):
        if exchange.kind == "error" or not exchange.body:
            with pytest.raises(expected_error(exchange)) as raised:
                await answer_to(client, exchange)
            if raised.type is not expected_error(exchange):
                wrong.append(raised.value)
        else:
            answer = await answer_to(client, exchange)
            if not exchange.is_repeated:
                found = lost(recorded(exchange), answer)
                wrong += [(path, said) for path, said in found if path not in NOT_KEPT]
    request = server.requests[-1]
    if exchange.path is not None and not exchange.path.endswith(request.path):
        wrong.append(request.path)
    if exchange.row["request"] and request.method != exchange.row["request"]["method"].upper():
        wrong.append(request.method)
    if named(exchange):
        sent = json.dumps({**DEFAULTS, **request.params}, sort_keys=True)
        if sent != json.dumps({**DEFAULTS, **(exchange.params or {})}, sort_keys=True):
            wrong.append(request.params)
    return wrong


async def test_every_exchange_is_made_again() -> None:
    wrong: dict[str, object] = {}
    async with (
        FakeGroq(max_recorded=1) as server,
        GroqClient("gsk_test", base_url=server.url, max_retries=0, timeout=None) as client,
    ):
        for exchange in over_http():
            try:
                found = await differences(server, client, exchange)
            except (errors.GroqError, AssertionError) as error:
                found = [error]
            if found:
                wrong[exchange.id] = found
        assert server.replies_left == 0
    assert wrong == {}
