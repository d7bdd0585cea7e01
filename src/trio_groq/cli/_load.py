"""Load for `trio-groq bench`: when requests start, and what they measured.

Open loop: requests start at moments that are set beforehand, whether earlier ones have been
answered or not, as the requests of many users do. Latencies count from the moment that was set,
not from the one at which a busy client came to it: a slow server cannot hide its slowness by
having fewer requests measured (what is called coordinated omission). Closed loop: so many at a
time, each after the one before it; that is for finding a throughput, not latencies.
"""

from array import array
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias, final

import attrs
import trio

from trio_groq.cli._figures import percentile
from trio_groq.client import GroqClient
from trio_groq.errors import APIStatusError, APITimeoutError, GroqError
from trio_groq.types.chunks import ChatCompletionChunk

__all__ = ["Ask", "Meter", "Plan", "Samples", "Tally", "ask_model", "run_load", "starts"]

LATE: Final = 0.010
"""Seconds after its moment from which a start is late: what a timer and a busy loop make of it is
below, and a pause that a user would notice is above."""
MAX_SAMPLES: Final = 2_000_000
"""Figures of one kind that are kept, 16 MB of them; more are counted, and not kept."""
_RATE_LIMITED: Final = 429


@final
@attrs.frozen(kw_only=True)
class Plan:
    """What is asked, and how often.

    Attributes:
        rate: Requests a second, open loop; None for a closed one.
        concurrency: Requests at a time, closed loop; used without `rate`.
        count: Requests in all, None for any number.
        duration: Seconds in which requests start, None for any time; one of the two is given.
        max_in_flight: Requests at a time in the open loop, at the most; what starts later for it
            is late.
        model: Who is asked.
        prompt: What.
        max_tokens: Longest answer.
        stream: Whether answers are streamed.
        timeout: Seconds for one request.
    """

    rate: float | None = None
    concurrency: int = 1
    count: int | None = None
    duration: float | None = None
    max_in_flight: int = 1000
    model: str = "openai/gpt-oss-20b"
    prompt: str = "Hello"
    max_tokens: int = 64
    stream: bool = True
    timeout: float = 60.0


def starts(rate: float, count: int | None, duration: float | None) -> Iterator[float]:
    """The moments at which requests start, in seconds from the begin.

    Args:
        rate: Requests a second, above 0.
        count: How many, None for any number.
        duration: None starts at or after it; None for no end.
    """
    number = 0
    while (count is None or number < count) and (duration is None or number / rate < duration):
        yield number / rate  # not a sum, which would drift
        number += 1


@final
class Samples:
    """Figures of one kind, bounded.

    Args:
        limit: How many are kept.
    """

    __slots__ = ("_kept", "_limit", "seen")

    def __init__(self, limit: int = MAX_SAMPLES) -> None:
        self._kept = array("d")
        self._limit = limit
        self.seen: int = 0

    def add(self, value: float, times: int = 1) -> None:
        """One figure, or several that are the same."""
        self.seen += times
        room = self._limit - len(self._kept)
        self._kept.extend([value] * min(times, room))

    def percentile(self, percent: int) -> float | None:
        """The nearest-rank percentile, None without figures."""
        return percentile(self._kept, percent) if self._kept else None


@final
@attrs.define(eq=False)
class Tally:
    """What all requests together measured. Times are in seconds.

    Attributes:
        first_tokens: From the moment set for a request to its first token.
        gaps: Between two tokens as they arrive; those that arrive together have none.
        totals: From the moment set for a request to its end.
        started: Requests that were begun.
        answered: Those that ended well.
        late: Those that began late.
        latest: By how many seconds, at the most.
        errors: The others, by kind.
        limited: Those of them that a rate limit refused.
        tokens: Of all answers, as the API counts them.
        began: When the first was set to start; None before that.
        ended: When the last ended.
    """

    first_tokens: Samples = attrs.field(factory=Samples)
    gaps: Samples = attrs.field(factory=Samples)
    totals: Samples = attrs.field(factory=Samples)
    started: int = 0
    answered: int = 0
    late: int = 0
    latest: float = 0.0
    errors: Counter[str] = attrs.field(factory=Counter)
    limited: int = 0
    tokens: int = 0
    began: float | None = None
    ended: float = 0.0

    def begin(self, intended: float, now: float) -> "Meter":
        """A request begins.

        Args:
            intended: The moment set for it.
            now: The moment that it is.
        """
        self.started += 1
        if self.began is None:
            self.began, self.ended = intended, now
        delay = now - intended
        self.late += delay > LATE
        self.latest = max(self.latest, delay)
        return Meter(self, intended)

    @property
    def seconds(self) -> float:
        """From the first start to the last end."""
        return 0.0 if self.began is None else self.ended - self.began


@final
class Meter:
    """One request, as it goes on."""

    __slots__ = ("_intended", "_last", "_seen", "_tally")

    def __init__(self, tally: Tally, intended: float) -> None:
        self._tally = tally
        self._intended = intended
        self._last: float | None = None
        self._seen = 0

    def tokens(self, count: int, now: float) -> None:
        """So many tokens have arrived together; 0 is nothing."""
        if not count:
            return
        together = count - 1
        if self._last is None:
            self._tally.first_tokens.add(now - self._intended)
        else:
            self._tally.gaps.add(now - self._last)
        if together:
            self._tally.gaps.add(0.0, together)
        self._last = now
        self._seen += count

    def answered(self, now: float, tokens: int | None) -> None:
        """It is complete, with so many tokens by the API's count; None if it has none."""
        self._tally.answered += 1
        self._tally.tokens += self._seen if tokens is None else tokens
        self._tally.totals.add(now - self._intended)
        self._tally.ended = max(self._tally.ended, now)

    def failed(self, error: GroqError, now: float) -> None:
        """It failed."""
        self._tally.errors[_kind(error)] += 1
        if isinstance(error, APIStatusError) and error.status_code == _RATE_LIMITED:
            self._tally.limited += 1
        self._tally.ended = max(self._tally.ended, now)


def _kind(error: GroqError) -> str:
    name = type(error).__name__
    if isinstance(error, APIStatusError):
        return f"{name} {error.status_code}"
    return f"{name} {error.phase}" if isinstance(error, APITimeoutError) else name


Ask: TypeAlias = Callable[[Meter], Awaitable[None]]
"""Makes one request, and tells how it goes on."""


def _arrived(chunks: Iterable[ChatCompletionChunk]) -> int:
    """Chunks that have something of the answer: as a rule a token each."""
    return sum(
        bool(choice.delta.content or choice.delta.reasoning or choice.delta.tool_calls)
        for chunk in chunks
        for choice in chunk.choices
    )


async def ask_model(client: GroqClient, plan: Plan, meter: Meter) -> None:
    """Have the model answer once. The clock is read once for what is received together."""
    params: dict[str, Any] = {
        "model": plan.model,
        "messages": [{"role": "user", "content": plan.prompt}],
        "max_completion_tokens": plan.max_tokens,
    }
    await trio.lowlevel.checkpoint()
    try:
        if not plan.stream:
            completion = await client.chat.completions.create(**params)
        else:
            async with client.chat.completions.stream(**params) as stream:
                async for chunks in stream.batches():
                    meter.tokens(_arrived(chunks), trio.current_time())
            completion = stream.completion
    except GroqError as error:
        meter.failed(error, trio.current_time())
    else:
        usage = completion.usage
        meter.answered(trio.current_time(), None if usage is None else usage.completion_tokens)


async def run_load(ask: Ask, plan: Plan, tally: Tally) -> None:
    """Make the requests of a plan; cancelled, the tally has what was measured until then.

    Args:
        ask: Makes one request.
        plan: How many, and when.
        tally: Told of all.
    """
    if plan.rate is None:
        await _closed_loop(ask, plan, tally)
    else:
        await _open_loop(ask, plan, tally, plan.rate)


async def _open_loop(ask: Ask, plan: Plan, tally: Tally, rate: float) -> None:
    begun = trio.current_time()
    places = trio.Semaphore(plan.max_in_flight)

    async def one(intended: float) -> None:
        try:
            await ask(tally.begin(intended, trio.current_time()))
        finally:
            places.release()

    async with trio.open_nursery() as nursery:
        for offset in starts(rate, plan.count, plan.duration):
            await trio.sleep_until(begun + offset)
            await places.acquire()
            nursery.start_soon(one, begun + offset)


async def _closed_loop(ask: Ask, plan: Plan, tally: Tally) -> None:
    begun = trio.current_time()
    ends = begun + (float("inf") if plan.duration is None else plan.duration)

    async def lane() -> None:
        await trio.lowlevel.checkpoint()
        while trio.current_time() < ends and (plan.count is None or tally.started < plan.count):
            now = trio.current_time()
            await ask(tally.begin(now, now))

    async with trio.open_nursery() as nursery:
        for _ in range(plan.concurrency):
            nursery.start_soon(lane)
