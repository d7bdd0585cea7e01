"""`parse` and `stream` with a type: the schema goes out, a value comes back."""

from typing import Any

import pytest

from _api.output_types import City
from streaming import client_of
from trio_groq import ChatStream, ParsedChatStream
from trio_groq.errors import InvalidRequestError
from trio_groq.testing import FakeGroq, Reply

ASK: dict[str, Any] = {
    "model": "openai/gpt-oss-20b",
    "messages": [{"role": "user", "content": "Which city?"}],
}
PARIS = Reply(content='{"name": "Paris", "inhabitants": 2100000}')
VALUE = City("Paris", 2_100_000)


async def test_a_type_becomes_a_schema_and_the_answer_a_value(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(PARIS)
    async with client_of(fake_groq) as client:
        completion = await client.chat.completions.parse(**ASK, response_format=City, temperature=0)
    assert completion.parsed == VALUE
    assert completion.meta is not None
    sent = fake_groq.requests[0].json
    assert sent["response_format"]["json_schema"]["name"] == "City"
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert sent["temperature"] == 0


async def test_a_stream_is_parsed_at_its_end(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(PARIS)
    async with (
        client_of(fake_groq) as client,
        client.chat.completions.stream(**ASK, response_format=City) as stream,
    ):
        assert isinstance(stream, ParsedChatStream)
        await stream.until_done()
        assert stream.parsed == VALUE
    assert fake_groq.requests[0].json["stream"] is True


@pytest.mark.parametrize(
    "form", [{}, {"response_format": None}, {"response_format": {"type": "text"}}]
)
async def test_other_forms_give_a_plain_stream(fake_groq: FakeGroq, form: dict[str, Any]) -> None:
    async with (
        client_of(fake_groq) as client,
        client.chat.completions.stream(**ASK, **form) as stream,
    ):
        assert isinstance(stream, ChatStream)
        await stream.until_done()
    sent = fake_groq.requests[0].json
    assert {name: sent[name] for name in form} == form
    assert ("response_format" in sent) == ("response_format" in form)


async def test_a_parsed_message_can_be_sent_back(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(PARIS)
    async with client_of(fake_groq) as client:
        completion = await client.chat.completions.parse(**ASK, response_format=City)
        messages = [*ASK["messages"], completion.choices[0].message]
        await client.chat.completions.create(model=ASK["model"], messages=messages)
    assert fake_groq.requests[1].json["messages"][1] == {
        "role": "assistant",
        "content": PARIS.content,
    }


async def test_raw_responses_are_parsed_too(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(PARIS, PARIS)
    async with client_of(fake_groq) as client:
        raw = await client.chat.completions.with_raw_response.parse(**ASK, response_format=City)
        assert (await raw.parse()).parsed == VALUE
        streaming = client.chat.completions.with_streaming_response
        async with streaming.parse(**ASK, response_format=City) as response:
            assert (await response.parse()).parsed == VALUE


async def test_an_image_goes_with_it(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(PARIS)
    part = {"type": "image_url", "image_url": {"url": b"\xff\xd8\xff"}}
    scout = "meta-llama/llama-4-scout-17b-16e-instruct"
    ask: dict[str, Any] = {"model": scout, "messages": [{"role": "user", "content": [part]}]}
    async with client_of(fake_groq) as client:
        completion = await client.chat.completions.parse(**ask, response_format=City)
    assert completion.parsed == VALUE
    assert "data:image/jpeg" in str(fake_groq.requests[0].json)


async def test_what_cannot_be_asked_for_is_refused_before_anything_is_sent(
    fake_groq: FakeGroq,
) -> None:
    wrong: Any
    async with client_of(fake_groq) as client:
        for wrong in (list[City], City | None, dict[str, int], int, 5, "City"):
            with pytest.raises(InvalidRequestError):
                await client.chat.completions.parse(**ASK, response_format=wrong)
            with pytest.raises(InvalidRequestError):
                client.chat.completions.stream(**ASK, response_format=wrong)
        with pytest.raises(InvalidRequestError, match="temperature"):
            await client.chat.completions.parse(**ASK, response_format=City, temperature=9)
    assert fake_groq.requests == []


async def test_a_deprecated_parameter_warns_at_the_caller_s_line(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(PARIS)
    async with client_of(fake_groq) as client:
        with pytest.warns(DeprecationWarning, match="max_tokens") as caught:
            await client.chat.completions.parse(**ASK, response_format=City, max_tokens=5)
    assert caught[0].filename == __file__
