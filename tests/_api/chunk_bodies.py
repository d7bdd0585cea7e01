"""Bodies of chunks, and what they add up to."""

import json
from collections.abc import Iterable
from typing import Any

from trio_groq._api.accumulate import Accumulator
from trio_groq.types import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessage,
    ChatCompletionMessageToolCall,
    FunctionCall,
)
from trio_groq.types._base import Decoder

decode = Decoder(ChatCompletionChunk).decode

Fields = dict[str, Any]


def chunk(*choices: Fields, **fields: object) -> Fields:
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m"}
    return {**body, "choices": list(choices), **fields}


def piece(delta: Fields | None = None, index: int = 0, **fields: object) -> Fields:
    return {"index": index, "delta": delta or {}, **fields}


def text(content: str, **fields: object) -> Fields:
    return chunk(piece({"content": content}), **fields)


def call(**fields: object) -> Fields:
    return chunk(piece({"tool_calls": [fields]}))


def add_all(accumulator: Accumulator, chunks: Iterable[ChatCompletionChunk]) -> None:
    for one in chunks:
        accumulator.add(one)


def accumulate(*bodies: Fields) -> Accumulator:
    accumulator = Accumulator()
    add_all(accumulator, (decode(json.dumps(body).encode()) for body in bodies))
    return accumulator


def completion_of(*bodies: Fields) -> ChatCompletion:
    return accumulate(*bodies).completion()


def message_of(*bodies: Fields) -> ChatCompletionMessage:
    return completion_of(*bodies).choices[0].message


BEGIN = chunk(piece({"role": "assistant", "content": ""}), system_fingerprint="fp_1")
END = chunk(piece(finish_reason="stop"))


def tool_call(id_: str, name: str, arguments: str) -> ChatCompletionMessageToolCall:
    return ChatCompletionMessageToolCall(
        id=id_, function=FunctionCall(name=name, arguments=arguments)
    )
