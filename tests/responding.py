"""Responses for the tests of their client: scripted ones, and streams event by event."""

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

from streaming import client_of, event
from trio_groq import GroqClient
from trio_groq._response_stream import ResponseStream
from trio_groq.errors import GroqError
from trio_groq.resources.responses import Responses
from trio_groq.testing import FakeGroq, RecordedRequest, Reply
from trio_groq.testing.chat import Names
from trio_groq.testing.content import echo
from trio_groq.testing.models import Models
from trio_groq.testing.response_bodies import chat_params, response_body, response_events
from trio_groq.testing.responses import Responses as Endpoint
from trio_groq.types.responses_text_events import ResponseTextDeltaEvent

ASK: dict[str, Any] = {"model": "openai/gpt-oss-20b", "input": "Hello"}


def named(kind: str, **data: object) -> bytes:
    """One event of a response's stream."""
    return event({"type": kind, **data}, kind)


def delta(text: str, output: int = 0, content: int = 0) -> bytes:
    """A piece of text."""
    return named(
        "response.output_text.delta",
        item_id="msg_1",
        output_index=output,
        content_index=content,
        delta=text,
    )


def completed(text: str = "", **fields: object) -> bytes:
    """The last event, with a message of this text if there is one."""
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": [part]}
    whole = {"id": "resp_1", "object": "response", "status": "completed", "model": "m"}
    output = [item] if text else []
    return named("response.completed", response={**whole, "output": output, **fields})


async def read(stream: ResponseStream) -> tuple[str, Any]:
    """All text that is handed out, and the error that ends it, if one does."""
    got = ""
    try:
        async with stream:
            async for each in stream:
                if isinstance(each, ResponseTextDeltaEvent):
                    got += each.delta
    except GroqError as error:
        return got, error
    return got, None


async def read_reply(server: FakeGroq, reply: Reply, **options: Any) -> tuple[str, Any]:
    """What `read` says of a reply; then nobody holds a connection."""
    server.enqueue(reply)
    async with client_of(server, **options) as client:
        result = await read(resource_of(client).stream(**ASK))
        assert client.pool.statistics().leased == 0
    return result


def resource_of(client: GroqClient) -> Responses:
    return Responses(client._caller)


def server_of(*script: Reply) -> FakeGroq:
    """A server whose responses are these, and echoes after them."""
    return FakeGroq(models=None, default_reply=_answers(deque(script)))


def _answers(script: deque[Reply]) -> Callable[[RecordedRequest], Reply]:
    serials = count(1)

    def pick(request: RecordedRequest) -> Reply:
        return script.popleft() if script else echo(chat_params(request.params))

    (endpoint,) = Endpoint(Models(None), pick).endpoints()

    def answer(request: RecordedRequest) -> Reply:
        reply = endpoint.answer(request, {})
        if not reply.is_chat:
            return reply
        names = Names(next(serials))
        if not request.params.get("stream"):
            return Reply(body=response_body(reply, request.params, names))
        beats = response_events(reply, request.params, names)
        body = b"".join(beat.data for beat in beats)
        return Reply(body=body, content_type="text/event-stream", framing="chunked")

    return answer


__all__ = [
    "ASK",
    "client_of",
    "completed",
    "delta",
    "named",
    "read",
    "read_reply",
    "resource_of",
    "server_of",
]
