"""`client.chat.completions`: what is sent, and what comes back."""

import inspect
import linecache
from pathlib import Path
from typing import Any

import pytest

from trio_groq import ChatStream, GroqClient
from trio_groq.errors import InvalidRequestError, ModelNotFoundError
from trio_groq.resources.chat import ChatCompletions
from trio_groq.testing import FakeGroq, Reply, ToolCall
from trio_groq.types.chat import ChatCompletion

ASK: dict[str, Any] = {
    "model": "llama-3.1-8b-instant",
    "messages": [{"role": "user", "content": "Hello"}],
}


def client_of(server: FakeGroq) -> GroqClient:
    return GroqClient("gsk_test", base_url=server.url)


async def test_create(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="Hi"))
    async with client_of(fake_groq) as client:
        completion = await client.chat.completions.create(**ASK, temperature=0.5, seed=None)
    assert isinstance(completion, ChatCompletion)
    assert completion.choices[0].message.content == "Hi"
    assert completion.meta is not None
    assert completion.meta.attempts == 1
    (request,) = fake_groq.requests
    assert (request.method, request.path) == ("POST", "/openai/v1/chat/completions")
    # Left out is not sent, None is sent as null, and nothing is added.
    assert request.json == {**ASK, "temperature": 0.5, "seed": None}
    assert request.header("accept") == "application/json"
    assert request.header("content-type") == "application/json"


async def test_create_with_stream(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="Hi"))
    async with client_of(fake_groq) as client:
        stream = await client.chat.completions.create(**ASK, stream=True)
        assert isinstance(stream, ChatStream)
        async with stream:
            completion = await stream.until_done()
    assert completion.choices[0].message.content == "Hi"
    (request,) = fake_groq.requests
    assert request.json == {**ASK, "stream": True}
    assert request.header("accept") == "text/event-stream"


@pytest.mark.parametrize("given", [{}, {"stream": False}, {"stream": None}])
async def test_create_without_stream(fake_groq: FakeGroq, given: dict[str, Any]) -> None:
    async with client_of(fake_groq) as client:
        completion = await client.chat.completions.create(**ASK, **given)
    assert isinstance(completion, ChatCompletion)
    sent = fake_groq.requests[0].params
    assert {name: sent[name] for name in sent if name == "stream"} == given


async def test_stream_is_a_boolean(fake_groq: FakeGroq) -> None:
    wrong: Any = "yes"
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError, match="stream: expected a boolean, got str"):
            await client.chat.completions.create(**ASK, stream=wrong)
    assert fake_groq.requests == []


async def test_plain_and_streamed_give_the_same(fake_groq: FakeGroq) -> None:
    reply = Reply(content="Hi there", reasoning="hmm", tool_calls=[ToolCall("f", {"a": 1})])
    fake_groq.enqueue(reply, reply)
    async with client_of(fake_groq) as client:
        plain = await client.chat.completions.create(**ASK)
        async with client.chat.completions.stream(**ASK) as stream:
            streamed = await stream.until_done()
    message, other = plain.choices[0].message, streamed.choices[0].message
    assert (message.content, message.reasoning) == (other.content, other.reasoning)
    assert message.tool_calls is not None
    assert other.tool_calls is not None
    assert message.tool_calls[0].function == other.tool_calls[0].function
    assert plain.choices[0].finish_reason == streamed.choices[0].finish_reason


async def test_extras(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        await client.chat.completions.create(
            **ASK,
            temperature=0.5,
            extra_headers={"x-a": "1"},
            extra_query={"q": 1},
            extra_body={"new": True, "temperature": 1},
        )
    (request,) = fake_groq.requests
    assert request.json == {**ASK, "temperature": 1, "new": True}
    assert (request.header("x-a"), request.query) == ("1", "q=1")


async def test_an_answer_can_be_sent_back_as_it_came(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="Hi"))
    async with client_of(fake_groq) as client:
        answer = await client.chat.completions.create(**ASK)
        messages = [*ASK["messages"], answer.choices[0].message]
        await client.chat.completions.create(model=ASK["model"], messages=messages)
    sent = fake_groq.requests[1].params["messages"][1]
    assert (sent["role"], sent["content"]) == ("assistant", "Hi")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"temperature": 3.5}, "temperature: expected .* <= 2.0, got 3.5", id="range"),
        pytest.param({"modle": "x"}, "modle: expected a known parameter", id="unknown"),
        pytest.param({"messages": 5}, "^messages: expected", id="type"),
        pytest.param({"messages": [{"role": "user"}, {"content": "x"}]}, r"^messages\[", id="path"),
    ],
)
async def test_wrong_parameters_are_told_before_anything_is_sent(
    fake_groq: FakeGroq, wrong: Any, message: str
) -> None:
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError, match=message):
            await client.chat.completions.create(**{**ASK, **wrong})
        with pytest.raises(InvalidRequestError, match=message):
            await client.chat.completions.create(**{**ASK, **wrong}, stream=True)
        with pytest.raises(InvalidRequestError, match=message):
            client.chat.completions.stream(**{**ASK, **wrong})
    assert fake_groq.connections_opened == 0


async def test_missing_parameters(fake_groq: FakeGroq) -> None:
    completions: Any
    async with client_of(fake_groq) as client:
        completions = client.chat.completions
        with pytest.raises(InvalidRequestError, match="model"):
            await completions.create(messages=ASK["messages"])
        with pytest.raises(InvalidRequestError, match="messages"):
            await completions.create(model="x")
        with pytest.raises(TypeError):
            await completions.create("x")
    assert fake_groq.connections_opened == 0


async def test_the_api_s_own_refusal(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        with pytest.raises(ModelNotFoundError):
            await client.chat.completions.create(model="none", messages=ASK["messages"])


async def test_a_deprecated_parameter_warns_at_the_caller_s_line(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        with pytest.warns(DeprecationWarning, match="max_tokens is deprecated") as created:
            await client.chat.completions.create(**ASK, max_tokens=5)  # create's line
        with pytest.warns(DeprecationWarning, match="max_tokens is deprecated") as streamed:
            client.chat.completions.stream(**ASK, max_tokens=5)  # stream's line
    lines = linecache.getlines(__file__)
    told = [each for each in (*created, *streamed) if each.category is DeprecationWarning]
    places = [(Path(warning.filename).name, lines[warning.lineno - 1]) for warning in told]
    assert [name for name, _ in places] == [Path(__file__).name] * 2
    assert [line.partition("# ")[2] for _, line in places] == ["create's line\n", "stream's line\n"]


def test_create_and_stream_take_the_same_options() -> None:
    create = inspect.signature(ChatCompletions.create).parameters
    stream = inspect.signature(ChatCompletions.stream).parameters
    assert set(create) - set(stream) == {"stream"}
    assert set(stream) - {"response_format"} <= set(create)
    kinds = {parameter.kind for name, parameter in create.items() if name != "self"}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}
