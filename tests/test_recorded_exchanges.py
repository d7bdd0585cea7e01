"""Every recorded exchange, made again: the same request is sent, and the answer is read whole.

Streams in all splits, bodies in all framings, and every field of errors, are proved elsewhere
(`test_recorded_streams.py`, `test_recorded_bodies.py`). Here each request goes with its response.
"""

import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, get_type_hints

import msgspec
import pytest

from lossless import lost
from recorded_exchanges import Endpoint, Exchange, exchanges
from shared_data import DATA, needs_shared_data
from trio_groq import ClientConfig, GroqClient, errors
from trio_groq.catalog import Catalog
from trio_groq.errors import ConversationWarning
from trio_groq.testing import FakeGroq, RecordedRequest
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chat_params import ChatCompletionCreateParams

pytestmark = needs_shared_data

PROMPT: Final = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
"""Asked where the recording does not say what was asked."""

PARAMETERS: Final = frozenset(get_type_hints(ChatCompletionCreateParams))

NO_PARAMETERS: Final[Mapping[str, int]] = {}
"""Fields of recorded requests that are no parameter, and how many requests have them."""

DEPRECATED: Final = {"max_tokens": 397}
"""Deprecated parameters of recorded requests, and how many requests have them."""

BROKEN: Final = {
    "groq-ruby__chat_tools_weather_report__2e3e3885_1": "answers another call, by the old role",
}
"""Recorded requests whose conversation does not hold together, each with the reason."""

NOT_KEPT: Final = {
    ".usage.pydantic_ai_gateway": "a gateway on the way added it; the API does not have it",
}
"""Members of recorded answers that no type has, each with the reason."""

COUNTS: Final[Mapping[tuple[Endpoint, str], int]] = {
    ("chat", "error"): 90,
    ("chat", "json"): 613,
    ("chat", "sse"): 155,
    ("chat", "text"): 16,  # bodies that were not recorded
    ("models", "json"): 1,
    ("transcriptions", "json"): 11,
    ("transcriptions", "text"): 1,
}
"""Exchanges over HTTP by endpoint and kind; there may be more."""

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


def answered(kind: str) -> Iterator[tuple[Exchange, Any]]:
    """The bodies of one kind, each once, decoded."""
    for exchange in over_http():
        if exchange.kind == kind and exchange.body and not exchange.is_repeated:
            yield exchange, recorded(exchange)


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
    """The answer encoded again; of a stream its chunks, then the body of the error at its end."""
    answer = await client.chat.completions.create(**chat_arguments(exchange))
    if isinstance(answer, ChatCompletion):
        return plain(answer)
    chunks = []
    async with answer as stream:
        try:
            async for chunk in stream:
                chunks.append(plain(chunk))  # noqa: PERF401 (those before an error count, too)
        except errors.ToolUseFailedError as error:  # the only one that ends a recorded stream
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
    return [json.loads(data) for data in exchange.events() if data.strip() != "[DONE]"]


RETIRED = "model: expected one that stays"


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
def expected_warnings(exchange: Exchange) -> Iterator[None]:
    """Deprecated parameters warn, each once; nothing else does but a broken conversation.

    That a model has been retired since says nothing of the exchange.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    deprecated = sorted(set(exchange.params or ()) & set(DEPRECATED))
    expected: list[tuple[type[Warning], str]] = [(DeprecationWarning, name) for name in deprecated]
    model = Catalog().get((exchange.params or {}).get("model", ""))
    if model is not None and model.can("tools") is False and (exchange.params or {}).get("tools"):
        assert exchange.status == 400  # the API refused it
        expected.append((errors.ModelWarning, "tools:"))
    if exchange.id in BROKEN:
        expected.append((ConversationWarning, "messages[1].tool_calls[0]:"))
    said = [each for each in caught if not str(each.message).startswith(RETIRED)]
    assert [(each.category, str(each.message).split(" ")[0]) for each in said] == expected


async def answer_differs(client: GroqClient, exchange: Exchange) -> list[object]:
    """Make the exchange again; what is wrong with the answer."""
    if exchange.kind == "error" or not exchange.body:
        expected = expected_error(exchange)
        with pytest.raises(expected) as raised:
            await answer_to(client, exchange)
        return [] if raised.type is expected else [raised.value]
    answer = await answer_to(client, exchange)
    if exchange.is_repeated:
        return []
    found = lost(recorded(exchange), answer)
    return [(path, said) for path, said in found if path not in NOT_KEPT]


def request_differs(request: RecordedRequest, exchange: Exchange) -> list[object]:
    """What is wrong with the request that was sent."""
    wrong: list[object] = []
    if exchange.path is not None and not exchange.path.endswith(request.path):
        wrong.append(request.path)
    if exchange.row["request"] and request.method != exchange.row["request"]["method"].upper():
        wrong.append(request.method)
    if exchange.params is not None:
        sent = json.dumps(request.params, sort_keys=True)
        if sent != json.dumps(exchange.params, sort_keys=True):
            wrong.append(request.params)
    return wrong


async def differences(server: FakeGroq, client: GroqClient, exchange: Exchange) -> list[object]:
    """What is wrong with one exchange when it is made again."""
    server.enqueue(exchange.reply())
    with expected_warnings(exchange):
        wrong = await answer_differs(client, exchange)
    return wrong + request_differs(server.requests[-1], exchange)


def client_of(server: FakeGroq) -> GroqClient:
    # Bodies that were not recorded are streams that break, one after the other: no outage.
    config = ClientConfig(api_key="gsk_test", circuit_breaker=None)
    return GroqClient(config=config, base_url=server.url, max_retries=0)


async def one_after_another(server: FakeGroq, chosen: list[Exchange]) -> dict[str, object]:
    """What is wrong, by the exchange's name."""
    wrong: dict[str, object] = {}
    async with client_of(server) as client:
        for exchange in chosen:
            try:
                found = await differences(server, client, exchange)
            except (errors.GroqError, AssertionError) as error:
                found = [error]
            if found:
                wrong[exchange.id] = found
    return wrong


async def test_every_exchange_is_made_again() -> None:
    wrong: dict[str, object] = {}
    # A client that was told to wait waits: after each such answer comes a new one.
    runs: list[list[Exchange]] = [[]]
    for exchange in over_http():
        runs[-1].append(exchange)
        if exchange.status == 429:
            runs.append([])
    async with FakeGroq(max_recorded=1) as server:
        for run in runs:
            wrong |= await one_after_another(server, run)
        assert server.requests_served == len(over_http())
        assert server.replies_left == 0
    assert wrong == {}


def test_the_recordings_are_there() -> None:
    counts = Counter((exchange.endpoint, exchange.kind) for exchange in over_http())
    assert {name: min(counts[name], count) for name, count in COUNTS.items()} == COUNTS
    assert len(exchanges()) >= 925


def test_every_recorded_body_belongs_to_an_exchange() -> None:
    """So that to read the exchanges is to read all bodies that there are."""
    groq = DATA / "groq"
    folders = ("errors", "json", "sse", "text")
    stored = {str(path.relative_to(groq)) for name in folders for path in (groq / name).iterdir()}
    assert len(stored) >= 831
    assert stored <= {exchange.row["body_file"] for exchange in exchanges()}


def test_the_tables_say_what_is_recorded() -> None:
    named = [exchange.params for exchange in exchanges() if exchange.params is not None]
    counts = Counter(name for params in named for name in params)
    unknown = {name: counts[name] for name in counts if name not in PARAMETERS | {"stream"}}
    assert unknown == NO_PARAMETERS
    assert {name: counts[name] for name in DEPRECATED} == DEPRECATED
    assert BROKEN.keys() <= {exchange.id for exchange in exchanges()}


def members(value: Any, path: str = "") -> Iterator[str]:
    """The path of every member that is not null."""
    if isinstance(value, dict):
        for name, item in value.items():
            if item is not None:
                yield f"{path}.{name}"
                yield from members(item, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from members(item, f"{path}[]")


def test_what_is_not_kept_is_still_recorded() -> None:
    said = {path for _, body in answered("json") for path in members(body)}
    assert NOT_KEPT.keys() <= said
    assert len(said) > 70


def test_what_a_library_kept_of_answers_is_read() -> None:
    """Some recordings hold a library's own view; what of it is the API's is no surprise."""
    views = [json.loads(each.body) for each in exchanges() if each.status is None]
    assert len(views) >= 38
    decode = msgspec.json.Decoder(ChatCompletion).decode
    for view in views:
        data = view["result"]["data"]
        usage = {"prompt_tokens": data["usage"]["input_tokens"]}
        choice = {"index": 0, "finish_reason": data["finish_reason"]}
        stated = {"id": data["id"], "model": data["model"], "usage": usage, "choices": [choice]}
        stated |= data["provider_meta"]
        assert list(lost(stated, plain(decode(msgspec.json.encode(stated))))) == []
