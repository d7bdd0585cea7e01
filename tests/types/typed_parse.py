"""What type checkers make of structured outputs. No test runs this; see `typed_use`."""

from dataclasses import dataclass
from typing import Generic, TypedDict, TypeVar, assert_type

import attrs
import msgspec

from trio_groq import ChatStream, GroqClient, ParsedChatStream
from trio_groq.types import (
    ChatCompletionMessageParam,
    ParsedChatCompletion,
    ParsedChoice,
)

T = TypeVar("T")


class AStruct(msgspec.Struct):
    a: int


class Box(msgspec.Struct, Generic[T]):
    item: T


class ATypedDict(TypedDict):
    a: int


@dataclass
class ADataclass:
    a: int


@attrs.define
class AnAttrsClass:
    a: int


async def parsed(client: GroqClient, messages: list[ChatCompletionMessageParam]) -> None:
    parse = client.chat.completions.parse
    one = await parse(model="m", messages=messages, response_format=AStruct, temperature=0)
    assert_type(one, ParsedChatCompletion[AStruct])
    assert_type(one.parsed, AStruct)
    assert_type(one.choices[0], ParsedChoice[AStruct])
    assert_type(one.choices[0].message.parsed, AStruct | None)
    two = await parse(model="m", messages=messages, response_format=ATypedDict)
    assert_type(two.parsed, ATypedDict)
    three = await parse(model="m", messages=messages, response_format=ADataclass)
    assert_type(three.parsed, ADataclass)
    four = await parse(model="m", messages=messages, response_format=AnAttrsClass)
    assert_type(four.parsed, AnAttrsClass)
    five = await parse(model="m", messages=messages, response_format=Box[int])
    assert_type(five.parsed, Box[int])
    messages.append(one.choices[0].message)
    await parse(model="m", messages=messages, response_format=5)  # type: ignore[arg-type]
    await parse(model="m", messages=messages)  # type: ignore[call-arg]


def streamed(client: GroqClient, messages: list[ChatCompletionMessageParam]) -> None:
    stream = client.chat.completions.stream
    typed = stream(model="m", messages=messages, response_format=AStruct)
    assert_type(typed, ParsedChatStream[AStruct])
    assert_type(stream(model="m", messages=messages), ChatStream)
    assert_type(stream(model="m", messages=messages, response_format=None), ChatStream)
    form = stream(model="m", messages=messages, response_format={"type": "json_object"})
    assert_type(form, ChatStream)
