"""Values of a type out of responses, whole and streamed, over a real socket."""

from typing import Any

import pytest

from _api.output_types import City, Even
from trio_groq import ChatStream, GroqClient
from trio_groq._api.parameters import encode_json
from trio_groq._api.requests import JSON, Call
from trio_groq._api.structured import structured_output
from trio_groq._parsed import ParsedChatStream, parsed_reader
from trio_groq.errors import (
    APIResponseValidationError,
    CutOffError,
    NotFoundError,
    RefusalError,
    StreamError,
)
from trio_groq.testing import FakeGroq, Reply, ToolCall
from trio_groq.types.parsed import ParsedChatCompletion
from trio_groq.types.stream_events import DoneEvent

OUTPUT = structured_output(City)
ASK: dict[str, Any] = {
    "model": "openai/gpt-oss-20b",
    "messages": [{"role": "user", "content": "Which city?"}],
    "response_format": OUTPUT.response_format,
}
PARIS = '{"name": "Paris", "inhabitants": 2100000}'
VALUE = City("Paris", 2_100_000)


def client_of(server: FakeGroq) -> GroqClient:
    return GroqClient("gsk_test", base_url=server.url, max_retries=2)


async def ask(client: GroqClient) -> ParsedChatCompletion[City]:
    path = "/openai/v1/chat/completions"
    call = Call(method="POST", path=path, body=encode_json(ASK), content_type=JSON)
    return await client.chat.completions._caller.perform(call, parsed_reader(OUTPUT))


def streamed(client: GroqClient) -> ParsedChatStream[City]:
    stream = client.chat.completions.stream(**ASK)
    assert isinstance(stream, ChatStream)
    return ParsedChatStream(stream, OUTPUT)


async def test_a_whole_response(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content=PARIS))
    async with client_of(fake_groq) as client:
        completion = await ask(client)
    assert completion.parsed == VALUE
    assert completion.meta is not None
    assert completion.meta.attempts == 1


async def test_a_strict_client_holds_the_response_to_its_type(fake_groq: FakeGroq) -> None:
    choice = {"index": None, "message": {"content": PARIS}, "finish_reason": "stop"}
    fake_groq.enqueue(*[Reply.json({"id": "c1", "choices": [choice]})] * 2)
    async with client_of(fake_groq) as client:
        assert (await ask(client)).parsed == VALUE
    options: dict[str, Any] = {"base_url": fake_groq.url, "strict_validation": True}
    async with GroqClient("gsk_test", **options) as client:
        with pytest.raises(APIResponseValidationError, match=r"choices\[0\].index"):
            await ask(client)


def refusal() -> Reply:
    message = {"role": "assistant", "content": None, "refusal": "No."}
    return Reply.json({"id": "c1", "choices": [{"index": 0, "message": message}]})


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(content="Paris"), APIResponseValidationError),
        (Reply(content=PARIS, finish_reason="length"), CutOffError),
        (refusal(), RefusalError),
        (Reply.json([]), APIResponseValidationError),
        (Reply.error(404, "nothing here"), NotFoundError),
    ],
    ids=["no JSON", "cut off", "refusal", "no completion", "status"],
)
async def test_a_response_without_a_value(fake_groq: FakeGroq, reply: Reply, error: Any) -> None:
    fake_groq.enqueue(reply)
    async with client_of(fake_groq) as client:
        with pytest.raises(error) as caught:
            await ask(client)
    assert caught.value.request is not None
    assert caught.value.request.method == "POST"
    assert len(fake_groq.requests) == 1  # the model would say it again


async def test_a_stream_has_its_value_at_the_end(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content=PARIS))
    async with client_of(fake_groq) as client, streamed(client) as stream:
        text = ""
        async for chunk in stream:
            if not text:
                with pytest.raises(StreamError, match="expected it to be read to its end"):
                    _ = stream.parsed
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
        assert stream.response.status == 200
        assert stream.meta.request_id == stream.response.request_id
    assert text == PARIS == stream.completion.choices[0].message.content
    assert stream.parsed == VALUE
    assert stream.parsed_completion.parsed is stream.parsed  # decoded once


async def test_a_stream_that_is_read_in_one_go(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content=PARIS))
    async with client_of(fake_groq) as client, streamed(client) as stream:
        completion = await stream.until_done()
    assert completion.parsed == VALUE


async def test_the_other_views_of_a_stream(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(*[Reply(content=PARIS)] * 3)
    async with client_of(fake_groq) as client:
        async with streamed(client) as stream:
            assert "".join([piece async for piece in stream.text_deltas()]) == PARIS
            assert stream.parsed == VALUE
        async with streamed(client) as stream:
            assert sum([len(batch) async for batch in stream.batches()]) > 1
            assert stream.parsed == VALUE
        async with streamed(client) as stream:
            events = [event async for event in stream.events()]
            assert isinstance(events[-1], DoneEvent)
            assert stream.parsed == VALUE


async def test_a_stream_that_is_left_early_gives_its_connection_back(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content=PARIS))
    async with client_of(fake_groq) as client:
        async with streamed(client) as stream:
            await stream.__anext__()
            await stream.aclose()
            with pytest.raises(StreamError) as caught:
                _ = stream.parsed
        assert caught.value.partial == stream.completion
        assert client.pool.statistics().leased == 0


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(content="Paris"), APIResponseValidationError),
        (Reply(content=PARIS, finish_reason="length"), CutOffError),
    ],
    ids=["no JSON", "cut off"],
)
async def test_a_stream_without_a_value(fake_groq: FakeGroq, reply: Reply, error: Any) -> None:
    fake_groq.enqueue(reply)
    async with client_of(fake_groq) as client, streamed(client) as stream:
        with pytest.raises(error) as caught:
            await stream.until_done()
        assert caught.value.request_id == stream.response.request_id


async def test_a_stream_of_tool_calls(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(tool_calls=[ToolCall("f", {"a": 1})]))
    async with client_of(fake_groq) as client, streamed(client) as stream:
        completion = await stream.until_done()
    assert completion.choices[0].message.parsed is None
    with pytest.raises(APIResponseValidationError, match="got tool calls"):
        _ = stream.parsed


async def test_attrs_classes_too(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content='{"half": 2}'))
    async with client_of(fake_groq) as client:
        plain = client.chat.completions.stream(**ASK)
        assert isinstance(plain, ChatStream)
        async with ParsedChatStream(plain, structured_output(Even)) as stream:
            assert (await stream.until_done()).parsed == Even(2)
