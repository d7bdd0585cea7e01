"""Fan-out without the client's methods: calls that take their time, and who is in flight."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import trio

from trio_groq import GroqClient
from trio_groq.fanout import Map
from trio_groq.testing import FakeGroq, RecordedRequest, Reply
from trio_groq.types.chat_params import ChatCompletionCreateParams

MODEL: Final = "llama-3.1-8b-instant"


def ask(prompt: str) -> ChatCompletionCreateParams:
    """The parameters of a request; the echo ends with the prompt."""
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], "stop": "\n"}


def prompt_of(request: RecordedRequest) -> str:
    """The last message of a request that came to the server."""
    return str(request.params["messages"][-1]["content"])


def texts(value: Any) -> str:
    """The text of a completion."""
    return str(value.choices[0].message.content)


class Meter:
    """Makes calls that sleep, and counts how many do at the same time."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.started: list[int] = []
        self.cancelled: list[int] = []

    def call(
        self, number: int, seconds: float, error: Exception | None = None
    ) -> Callable[[], Awaitable[int]]:
        """A call that gives its number, or fails, after so many seconds."""

        async def run() -> int:
            self.started.append(number)
            self.running += 1
            self.most = max(self.most, self.running)
            try:
                await trio.sleep(seconds)
            except trio.Cancelled:
                self.cancelled.append(number)
                raise
            finally:
                self.running -= 1
            if error is not None:
                raise error
            return number

        return run

    def calls(self, *seconds: float) -> list[Callable[[], Awaitable[int]]]:
        """One call after the other, with these durations."""
        return [self.call(number, each) for number, each in enumerate(seconds)]


def mapped(client: GroqClient, requests: Any, **options: Any) -> Map[Any, Any]:
    """What `client.map` is to return."""
    options.setdefault("max_in_flight", 2)
    return Map(client._caller, requests, **options)


def keyed(**options: Any) -> GroqClient:
    """A client that calls nobody."""
    return GroqClient("gsk_test", base_url="http://127.0.0.1:1", **options)


def client_for(server: FakeGroq, **options: Any) -> GroqClient:
    """A client whose calls are made once."""
    options.setdefault("max_retries", 0)
    return GroqClient("gsk_test", base_url=server.url, **options)


def by_prompt(replies: dict[str, Reply]) -> Callable[[RecordedRequest], Reply | None]:
    """A server's answers by the text that is asked."""
    return lambda request: replies.get(prompt_of(request))


def by_model(replies: dict[str, Reply]) -> Callable[[RecordedRequest], Reply | None]:
    """A server's answers by the model that is asked."""
    return lambda request: replies.get(str(request.params["model"]))


def since(start: float, moments: Iterable[float]) -> list[float]:
    """Moments as seconds since another, to the microsecond."""
    return [round(moment - start, 6) for moment in moments]
