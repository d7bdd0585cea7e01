"""`client.responses`: what is sent, and what comes back."""

import inspect
from typing import Any

import pytest

from responding import ASK, client_of, resource_of, server_of
from streaming import sent
from trio_groq._response_stream import ResponseStream
from trio_groq.errors import (
    APIResponseValidationError,
    BadRequestError,
    InvalidRequestError,
    StreamError,
)
from trio_groq.resources.responses import Responses
from trio_groq.testing import Reply, ToolCall
from trio_groq.types._open_unions import UnknownItem
from trio_groq.types.responses import ResponseObject
from trio_groq.types.responses_items import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseOutputText,
    ResponseReasoningItem,
)

ANSWER = Reply(content="Hi there", reasoning="hmm so", tool_calls=[ToolCall("f", {"a": 1})])


async def test_create() -> None:
    async with server_of(ANSWER) as server, client_of(server) as client:
        response = await resource_of(client).create(**ASK, temperature=0.5, user=None)
    assert isinstance(response, ResponseObject)
    assert response.output_text == "Hi there"
    assert [item.type for item in response.output] == ["reasoning", "message", "function_call"]
    assert response.status == "completed"
    assert response.usage is not None
    assert response.usage.output_tokens_details is not None
    assert response.usage.output_tokens_details.reasoning_tokens == 2
    assert response.meta is not None
    assert response.meta.attempts == 1
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/openai/v1/responses")
    # Left out is not sent, None is sent as null, and nothing is added.
    assert request.json == {**ASK, "temperature": 0.5, "user": None}
    assert request.header("accept") == "application/json"


async def test_create_with_stream() -> None:
    async with server_of(ANSWER) as server, client_of(server) as client:
        stream = await resource_of(client).create(**ASK, stream=True)
        assert isinstance(stream, ResponseStream)
        async with stream:
            response = await stream.until_done()
    assert response.output_text == "Hi there"
    (request,) = server.requests
    assert request.json == {**ASK, "stream": True}
    assert request.header("accept") == "text/event-stream"


@pytest.mark.parametrize("given", [{}, {"stream": False}, {"stream": None}])
async def test_create_without_stream(given: dict[str, Any]) -> None:
    async with server_of() as server, client_of(server) as client:
        response = await resource_of(client).create(**ASK, **given)
    assert isinstance(response, ResponseObject)
    sent = server.requests[0].params
    assert {name: sent[name] for name in sent if name == "stream"} == given


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(ANSWER, id="everything"),
        pytest.param(Reply(content="a b"), id="text"),
        pytest.param(Reply(tool_calls=[ToolCall("f"), ToolCall("g", "x")]), id="calls"),
        pytest.param(Reply(content="a b", finish_reason="length"), id="cut-off"),
    ],
)
async def test_plain_and_streamed_give_the_same(reply: Reply) -> None:
    plain: list[ResponseObject] = []
    streamed: list[ResponseObject] = []
    for answers in plain, streamed:
        async with server_of(reply) as server, client_of(server) as client:
            responses = resource_of(client)
            if answers is plain:
                answers.append(await responses.create(**ASK))
            else:
                async with responses.stream(**ASK) as stream:
                    answers.append(await stream.until_done())
    assert plain == streamed
    assert plain[0].output


async def test_a_cut_off_answer_is_returned_and_says_so() -> None:
    cut_off = Reply(content="a", finish_reason="length")
    async with server_of(cut_off) as server, client_of(server) as client:
        response = await resource_of(client).create(**ASK)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"


async def test_the_output_can_be_sent_back() -> None:
    async with server_of(ANSWER) as server, client_of(server) as client:
        responses = resource_of(client)
        first = await responses.create(**ASK)
        call = first.output[-1]
        assert isinstance(call, ResponseFunctionToolCall)
        await responses.create(
            model=ASK["model"],
            input=[
                {"role": "user", "content": "Hello"},
                *first.output,
                {"type": "function_call_output", "call_id": call.call_id, "output": "1"},
            ],
        )
    user, reasoning, message, function, output = server.requests[1].params["input"]
    assert user == {"role": "user", "content": "Hello"}  # its type is not added
    assert (reasoning["type"], reasoning["content"][0]["text"]) == ("reasoning", "hmm so")
    assert message == {"role": "assistant", "content": "Hi there"}
    assert (function["type"], function["arguments"]) == ("function_call", '{"a":1}')
    assert output["call_id"] == call.call_id


async def test_messages_of_the_model_are_sent_as_text_if_they_are_text() -> None:
    refused = ResponseOutputMessage(
        content=[ResponseOutputText(text="a"), ResponseOutputRefusal(refusal="b")]
    )
    unknown = ResponseOutputMessage(content=[UnknownItem({"type": "new", "x": 1})])
    known = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "c"}]}
    asked: list[Any] = [
        refused,
        unknown,
        known,
        UnknownItem({"type": "zap"}),
        ResponseReasoningItem(),
    ]
    async with server_of() as server, client_of(server) as client:
        await resource_of(client).create(model="m", input=asked)
    sent = server.requests[0].params["input"]
    assert sent[0] == {"role": "assistant", "content": "ab"}
    assert sent[1]["content"] == [{"type": "new", "x": 1}]
    assert sent[2:4] == [known, {"type": "zap"}]
    assert sent[4] == {"type": "reasoning", "id": "", "summary": []}
    assert asked[0] is refused, "expected the caller's list to stay as it is"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"input": None}, "input: expected a string or a list, got None"),
        ({"input": [{"content": "x"}]}, "input[0].type: expected a value, got nothing"),
        ({"input": [{"role": "user"}]}, "input[0].content: expected a value, got nothing"),
        ({"input": iter(["x"])}, "input: expected a string or a list, got"),
        ({"temperature": 3}, "temperature: expected a number <= 2.0, got 3"),
        ({"nonsense": 1}, "nonsense: expected a known parameter"),
    ],
)
async def test_what_is_wrong_is_not_sent(params: Any, message: str) -> None:
    async with server_of() as server, client_of(server) as client:
        with pytest.raises(InvalidRequestError) as caught:
            await resource_of(client).create(**{**ASK, **params})
        assert str(caught.value).startswith(message)
        with pytest.raises(InvalidRequestError):
            resource_of(client).stream(**{**ASK, **params})
    assert not server.requests


async def test_what_the_api_refuses_is_raised() -> None:
    async with server_of() as server, client_of(server) as client:
        with pytest.raises(BadRequestError, match="only false is supported") as caught:
            await resource_of(client).create(**ASK, store=True)
        assert caught.value.param == "store"
        with pytest.raises(BadRequestError):
            await resource_of(client).create(**ASK, store=True, stream=True)


async def test_extras() -> None:
    async with server_of() as server, client_of(server) as client:
        await resource_of(client).create(
            **ASK,
            extra_headers={"x-a": "1"},
            extra_query={"b": "2"},
            extra_body={"c": 3, "input": "other"},
            timeout=5,
            max_retries=0,
        )
    (request,) = server.requests
    assert (request.header("x-a"), request.query) == ("1", "b=2")
    assert request.json == {"model": ASK["model"], "input": "other", "c": 3}


async def test_strict_validation() -> None:
    body = b'{"id":"r","output":[{"type":"new"}],"created_at":%b}'
    whole, wrong = Reply(body=body % b"1"), Reply(body=body % b"null")
    odd = b'data: {"type":"response.output_text.delta","delta":null}\n\n'
    async with server_of() as server:
        async with client_of(server, strict_validation=True, max_retries=0) as client:
            server.enqueue(whole, wrong, sent(odd))
            assert (await resource_of(client).create(**ASK)).output == [{"type": "new"}]
            with pytest.raises(APIResponseValidationError, match="created_at"):
                await resource_of(client).create(**ASK)
            async with resource_of(client).stream(**ASK) as stream:
                with pytest.raises(APIResponseValidationError, match="delta"):
                    await anext(stream)
        server.enqueue(wrong)
        async with client_of(server) as client:
            assert (await resource_of(client).create(**ASK)).created_at == 0


async def test_raw() -> None:
    script = Reply(content="Hi"), Reply(content="Ho")
    async with server_of(*script) as server, client_of(server) as client:
        raw = resource_of(client).with_raw_response
        whole = await raw.create(**ASK)
        assert whole.status_code == 200
        assert whole.is_closed
        assert (await whole.parse()).output_text == "Hi"
        opened = await raw.create(**ASK, stream=True)
        assert opened.headers["content-type"] == "text/event-stream"
        async with await opened.parse() as stream:
            assert (await stream.until_done()).output_text == "Ho"
        assert client.pool.statistics().leased == 0


async def test_streaming() -> None:
    script = Reply(content="Hi"), Reply(content="Ho")
    async with server_of(*script) as server, client_of(server) as client:
        streaming = resource_of(client).with_streaming_response
        async with streaming.create(**ASK) as whole:
            assert not whole.is_closed
            assert (await whole.parse()).output_text == "Hi"
        async with streaming.create(**ASK, stream=True) as opened:
            stream = await opened.parse()
            assert [text async for text in stream.text_deltas()] == ["Ho"]
            assert stream.response_object.output_text == "Ho"
        async with streaming.create(**ASK) as unread:
            assert unread.status_code == 200
        with pytest.raises(StreamError):
            await unread.parse()
        assert client.pool.statistics().leased == 0


def test_stream_takes_the_same_options_as_create() -> None:
    create = inspect.signature(Responses.create).parameters
    stream = inspect.signature(Responses.stream).parameters
    assert set(create) - set(stream) == {"stream"}
