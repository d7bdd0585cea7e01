import io
import json

import pytest

from cli.processes import PressesCtrlC
from trio_groq.cli._answers import Answer, Asker, Style
from trio_groq.cli._output import Output
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig
from trio_groq.errors import ModelNotFoundError, StreamError
from trio_groq.testing import FakeGroq, Reply
from trio_groq.types import ChatCompletionMessageParam

MODEL = "llama-3.1-8b-instant"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]


async def ask(
    server: FakeGroq,
    *,
    style: Style | None = None,
    stream: io.StringIO | None = None,
    answer: Answer | None = None,
    model: str = MODEL,
) -> tuple[Answer, str]:
    """Ask once; the answer, and what was shown."""
    answer = answer or Answer()
    stream = stream or io.StringIO()
    config = ClientConfig(api_key="gsk_test", base_url=server.url)
    async with GroqClient(config=config) as client:
        asker = Asker(client, style or Style(), Output(stream))
        await asker.ask(model, MESSAGES, answer)
    return answer, stream.getvalue()


@pytest.mark.parametrize("stream", [True, False])
async def test_the_text_is_shown_in_a_line_of_its_own(stream: bool) -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(content="Hi \x1b[31mthere"))
        answer, shown = await ask(server, style=Style(stream=stream))
    assert shown == "Hi [31mthere\n"
    assert answer.text == "Hi \x1b[31mthere"
    assert (answer.interrupted, answer.ended_by) == (False, None)
    assert bool(server.requests[0].params.get("stream")) is stream


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_that_ends_early_says_why(stream: bool) -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(content="Hi", finish_reason="length"))
        answer, shown = await ask(server, style=Style(stream=stream))
    assert (answer.ended_by, shown) == ("length", "Hi\n")


@pytest.mark.parametrize("content", [None, ""])
@pytest.mark.parametrize("stream", [True, False])
async def test_an_empty_answer_shows_nothing(content: str | None, stream: bool) -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(content=content))
        answer, shown = await ask(server, style=Style(stream=stream))
    assert (answer.text, shown) == ("", "")


async def test_an_answer_without_choices_is_empty() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply.json({"id": "c", "choices": [], "model": MODEL, "created": 1}))
        answer, shown = await ask(server, style=Style(stream=False))
    assert (answer.text, shown) == ("", "")


async def test_json_is_the_whole_completion_in_one_plain_line() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(content="5 €\n\x9b\x7f"))
        answer, shown = await ask(server, style=Style(as_json=True))
    assert shown.isascii()
    assert shown.count("\n") == 1
    assert shown.strip().isprintable()
    completion = json.loads(shown)
    assert completion["choices"][0]["message"]["content"] == "5 €\n\x9b\x7f"
    assert completion["object"] == "chat.completion"
    assert completion["usage"]["completion_tokens"] > 0
    assert answer.text == "5 €\n\x9b\x7f"


async def test_options_are_sent_and_what_was_not_given_is_not() -> None:
    async with FakeGroq() as server:
        await ask(server, style=Style(temperature=0.5, max_tokens=7))
        await ask(server)
        first, second = (request.params for request in server.requests)
    assert (first["temperature"], first["max_completion_tokens"]) == (0.5, 7)
    assert set(second) == {"model", "messages", "stream"}


async def test_an_error_of_the_api_is_raised() -> None:
    async with FakeGroq() as server:
        with pytest.raises(ModelNotFoundError):
            await ask(server, model="none")


async def test_what_came_before_a_stream_broke_is_shown_and_known() -> None:
    answer, stream = Answer(), io.StringIO()
    async with FakeGroq() as server:
        server.enqueue(Reply(tokens=("One", " two"), finish=False, done=False))
        with pytest.raises(StreamError):
            await ask(server, stream=stream, answer=answer)
    assert (answer.text, stream.getvalue()) == ("One two", "One two\n")


async def test_ctrl_c_ends_the_answer() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(tokens=("One", " two"), token_interval=3600))
        answer, shown = await ask(server, stream=PressesCtrlC("One"))
    assert answer.interrupted
    assert (answer.text, shown) == ("One", "One\n")
