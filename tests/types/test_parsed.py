"""Completions with values: what is JSON of them, and what is not."""

import copy

import msgspec
import pytest

from trio_groq._api.parameters import encode_json, sendable_messages
from trio_groq.errors import APIResponseValidationError
from trio_groq.types._base import Decoder
from trio_groq.types.chat import (
    ChatCompletion,
    ChatCompletionMessage,
    ChatCompletionMessageToolCall,
)
from trio_groq.types.parsed import (
    ParsedChatCompletion,
    ParsedChoice,
    ParsedMessage,
    attach_parsed,
)


class City(msgspec.Struct):
    name: str


BODY = b"""{"id": "c1", "choices": [{"index": 0, "finish_reason": "stop", "message":
    {"role": "assistant", "content": "{}", "parsed": 5, "refusal": null}}]}"""


def parsed_message() -> ParsedMessage[City]:
    message = ParsedMessage[City](content='{"name":"Paris"}')
    attach_parsed(message, City("Paris"))
    return message


def test_a_value_is_no_part_of_the_json() -> None:
    message = parsed_message()
    assert message.parsed == City("Paris")
    plain = ChatCompletionMessage(content='{"name":"Paris"}')
    assert msgspec.json.encode(message) == msgspec.json.encode(plain)
    assert encode_json(sendable_messages([message])) == encode_json(sendable_messages([plain]))
    assert message == ParsedMessage[City](content='{"name":"Paris"}')
    assert "City" not in repr(message)


def test_a_response_is_read_without_its_value() -> None:
    completion = Decoder(ParsedChatCompletion[City]).decode(BODY)
    assert isinstance(completion, ChatCompletion)
    assert isinstance(completion.choices[0], ParsedChoice)
    assert completion.choices[0].message.parsed is None
    assert completion.choices[0].message.refusal is None


def test_the_value_of_a_completion_is_the_first_answer_s() -> None:
    second = ParsedMessage[City](content="{}")
    attach_parsed(second, City("Rome"))
    choices = [ParsedChoice(message=parsed_message()), ParsedChoice(message=second, index=1)]
    assert ParsedChatCompletion[City](choices=choices).parsed == City("Paris")


def test_a_value_may_be_false() -> None:
    message = ParsedMessage[dict[str, int]](content="{}")
    attach_parsed(message, {})
    choices = [ParsedChoice(message=message)]
    assert ParsedChatCompletion(choices=choices).parsed == {}


def test_a_completion_without_a_value_says_why() -> None:
    calls = [ChatCompletionMessageToolCall(id="c")]
    called = ParsedChoice(message=ParsedMessage[City](tool_calls=calls))
    for choices, got in (([called], "tool calls"), ([ParsedChoice[City]()], "none"), ([], "none")):
        completion = ParsedChatCompletion[City](choices=choices)
        with pytest.raises(APIResponseValidationError, match=f"got {got}$") as caught:
            _ = completion.parsed
        assert caught.value.partial is completion


def test_copies_keep_their_value() -> None:
    message = parsed_message()
    assert copy.copy(message) == message
    assert copy.deepcopy(message).content == message.content
