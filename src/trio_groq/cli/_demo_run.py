"""The demo's work: streams side by side against FakeGroq, and what they measured."""

from collections.abc import Callable, Sequence
from typing import Final

import attrs
import trio

from trio_groq._http.pool_state import PoolStatistics
from trio_groq.cli._figures import MEGABYTE, in_milliseconds, peak_memory, percentile
from trio_groq.cli._output import clean
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig
from trio_groq.testing.content import tokenize
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply
from trio_groq.testing.server import FakeGroq

__all__ = ["Lane", "Plan", "Result", "run_plan"]

_MODEL: Final = "openai/gpt-oss-20b"

_TAIL: Final = 240
"""Characters of an answer that a view may show: more than a terminal's line has."""

_STORY: Final = tokenize(
    " Bytes come up from a socket, climb through layers that each know one thing, and reach the"
    " caller as typed values. A stream is pulled, so a slow reader slows the server down, and"
    " memory stays bounded. What opens, closes: no task outlives the scope that started it. A"
    " connection is used again only after a response that ended beyond doubt. A cancel at any"
    " moment leaves nothing behind, no lost connection, no open socket, no answer that reaches the"
    " wrong call."
)

_FIRST_TOKEN: Final = 0.08
_SPREAD: Final = 0.012
"""Seconds: the first tokens come after 80 ms, and up to 7 steps of 12 ms later, as on a network."""


@attrs.frozen(kw_only=True)
class Plan:
    """What the demo does.

    Attributes:
        streams: Answers that are streamed at once.
        answers: Answers that each of these lanes has, one after the other.
        tokens: Tokens of an answer.
        tokens_per_second: Pace of an answer.
    """

    streams: int = 20
    answers: int = 2
    tokens: int = 60
    tokens_per_second: float = 60.0

    def lanes(self) -> "list[Lane]":
        """The places for the streams."""
        return [Lane(number) for number in range(1, self.streams + 1)]

    def reply(self, request: RecordedRequest) -> Reply:
        """What the server says: it depends on the question alone, and so does the pace."""
        number = int(request.params["messages"][-1]["content"].rpartition(" ")[2])
        start = 7 * number
        tokens = [_STORY[at % len(_STORY)] for at in range(start, start + self.tokens)]
        return Reply(
            tokens=[tokens[0].lstrip(), *tokens[1:]],
            first_token_delay=_FIRST_TOKEN + _SPREAD * (number * 5 % 8),
            tokens_per_second=self.tokens_per_second * (1 + number % 5 / 20),
        )


@attrs.define(eq=False)
class Lane:
    """One place for a stream, and how far it is.

    Attributes:
        number: Which, from 1.
        tokens: Tokens so far.
        tail: The end of the answer, in one line.
        answers: Answers that are complete.
        first_tokens: Seconds from each call to its first token, connecting included.
        seconds: From the first call to the end of the last; None while it goes on.
    """

    number: int
    tokens: int = 0
    tail: str = ""
    answers: int = 0
    first_tokens: list[float] = attrs.Factory(list)
    seconds: float | None = None

    async def run(self, client: GroqClient, plan: Plan, ended: Callable[["Lane"], None]) -> None:
        """Stream the lane's answers; `ended` is told after the last."""
        await trio.lowlevel.checkpoint()
        started = trio.current_time()
        for answer in range(plan.answers):
            await self._stream(client, self.number + answer * plan.streams)
        self.seconds = trio.current_time() - started
        ended(self)

    async def _stream(self, client: GroqClient, question: int) -> None:
        asked = trio.current_time()
        self.tail = ""
        first = True
        async with client.chat.completions.stream(
            model=_MODEL,
            messages=[{"role": "user", "content": f"Tell me about layers, part {question}"}],
        ) as stream:
            async for text in stream.text_deltas():
                if first:
                    first = False
                    self.first_tokens.append(trio.current_time() - asked)
                self.tokens += 1
                self.tail = (self.tail + clean(text).replace("\n", " "))[-_TAIL:]
        self.answers += 1


def _in_megabytes(memory: int | None) -> str:
    return "unknown" if memory is None else f"{memory / MEGABYTE:.1f} MB"


@attrs.frozen(kw_only=True)
class Result:
    """What the demo measured.

    Attributes:
        lanes: The streams.
        seconds: From the first call to the last token.
        pool: The client's connections at the end.
        memory: Most resident memory of the process (server included), in bytes; None if unknown.
    """

    lanes: Sequence[Lane]
    seconds: float
    pool: PoolStatistics
    memory: int | None

    def rows(self) -> list[tuple[str, str]]:
        """The summary: names and figures."""
        firsts = [seconds for lane in self.lanes for seconds in lane.first_tokens]
        tokens = sum(lane.tokens for lane in self.lanes)
        answers = sum(lane.answers for lane in self.lanes)
        return [
            ("streams at once", str(len(self.lanes))),
            ("answers", str(answers)),
            *((f"first token p{p}", in_milliseconds(percentile(firsts, p))) for p in (50, 95, 99)),
            ("tokens", str(tokens)),
            ("tokens per second", f"{tokens / self.seconds:.0f}"),
            ("connections opened", str(self.pool.opened)),
            ("connections reused", f"{self.pool.reused} times"),
            ("peak memory", _in_megabytes(self.memory)),
        ]


async def run_plan(
    plan: Plan, lanes: Sequence[Lane], ended: Callable[[Lane], None] = lambda _: None
) -> Result:
    """Stream all lanes at once against a FakeGroq of its own.

    Args:
        plan: What to do.
        lanes: One for each stream; they tell how far they are while this runs.
        ended: Told of each lane that is done.

    Raises:
        ExceptionGroup: Calls failed, which is a defect of the client or of FakeGroq.
    """
    async with FakeGroq(default_reply=plan.reply) as server:
        config = ClientConfig(api_key="gsk_demo", base_url=server.url)
        async with GroqClient(config=config) as client:
            started = trio.current_time()
            async with trio.open_nursery() as nursery:
                for lane in lanes:
                    nursery.start_soon(lane.run, client, plan, ended)
            seconds = trio.current_time() - started
            return Result(
                lanes=lanes,
                seconds=seconds,
                pool=client.pool.statistics(),
                memory=peak_memory(),
            )
