"""A small Groq as an ASGI application; its servers do the HTTP.

The last message says what it does: `<mode>: <text>`, and the answer is the text.
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any, TypeAlias

import attrs

from peers.raw_peer import DONE, completion, delta

__all__ = ["App"]

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

EVENT_STREAM = "text/event-stream"
JSON = "application/json"


def events(text: str) -> Iterator[bytes]:
    """A whole stream, a character for each token."""
    yield delta("", role="assistant")
    for token in text:
        yield delta(token)
    yield delta(finish="stop")
    yield DONE


def one_event_each(text: str) -> Iterator[bytes]:
    return events(text)


def many_events_each(text: str) -> Iterator[bytes]:
    every = list(events(text))
    for at in range(0, len(every), 4):
        yield b"".join(every[at : at + 4])


def events_in_pieces(text: str) -> Iterator[bytes]:
    for item in events(text):
        yield from (item[:7], item[7:-1], item[-1:])


BODIES: Mapping[str, Callable[[str], Iterator[bytes]]] = {
    "one": one_event_each,
    "many": many_events_each,
    "pieces": events_in_pieces,
}


@attrs.define
class App:
    """The application.

    Attributes:
        left: Texts of the streams whose client left before their end.
    """

    left: list[str] = attrs.field(factory=list)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request; there is nothing to do for the application's life span."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        params = await read_json(receive)
        mode, _, text = params["messages"][-1]["content"].partition(": ")
        if scope["path"] != "/openai/v1/chat/completions" or mode == "refuse":
            error = {"message": text, "code": "refused", "type": "invalid_request_error"}
            await start(send, 400, JSON)
            await end(send, json.dumps({"error": error}).encode())
        elif params.get("stream"):
            await self.stream(mode, text, receive, send)
        else:
            await start(send, 200, JSON)
            await end(send, completion(text))

    async def stream(self, mode: str, text: str, receive: Receive, send: Send) -> None:
        """Send a stream in the pieces that the mode says."""
        await start(send, 200, EVENT_STREAM)
        if mode == "wait":
            await more(send, delta(text))
            while (await receive())["type"] != "http.disconnect":
                pass
            self.left.append(text)
        elif mode == "break":
            await more(send, delta(text))
            raise ConnectionAbortedError(text)
        else:
            for data in BODIES[mode](text):
                await more(send, data)
            await end(send)


async def read_json(receive: Receive) -> Any:
    """The request's body."""
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    return json.loads(body)


async def start(send: Send, status: int, content_type: str) -> None:
    """Send the head."""
    headers = [(b"content-type", content_type.encode()), (b"x-request-id", b"req_asgi")]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def more(send: Send, data: bytes) -> None:
    """Send a part of the body."""
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def end(send: Send, data: bytes = b"") -> None:
    """Send the last part of the body."""
    await send({"type": "http.response.body", "body": data})
