"""The Structs that hand-written peers decode into: all fields that the load server sends."""

import msgspec

__all__ = ["Chunk", "Completion", "decode_chunk", "decode_completion"]


class Usage(msgspec.Struct, gc=False):
    """What a completion cost."""

    queue_time: float = 0.0
    prompt_tokens: int = 0
    prompt_time: float = 0.0
    completion_tokens: int = 0
    completion_time: float = 0.0
    total_tokens: int = 0
    total_time: float = 0.0


class XGroq(msgspec.Struct, gc=False):
    """What Groq adds."""

    id: str | None = None
    usage: Usage | None = None


class Message(msgspec.Struct, gc=False):
    """A message, or what a chunk adds to it."""

    role: str | None = None
    content: str | None = None


class ChunkChoice(msgspec.Struct, gc=False):
    """A chunk's addition to one answer."""

    index: int
    delta: Message
    finish_reason: str | None = None


class Chunk(msgspec.Struct, gc=False):
    """One chunk of a stream."""

    id: str
    object: str
    created: int
    model: str
    choices: list[ChunkChoice]
    system_fingerprint: str | None = None
    x_groq: XGroq | None = None
    usage: Usage | None = None


class Choice(msgspec.Struct, gc=False):
    """One answer."""

    index: int
    message: Message
    finish_reason: str | None = None


class Completion(msgspec.Struct, gc=False):
    """A whole completion."""

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    system_fingerprint: str | None = None
    x_groq: XGroq | None = None


decode_chunk = msgspec.json.Decoder(Chunk).decode
decode_completion = msgspec.json.Decoder(Completion).decode
