"""How long calls take: the last ones of each model, and what they amount to."""

import math
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias, final

import attrs

from trio_groq._hooks import CallFinished, Event
from trio_groq._validators import count
from trio_groq.errors import InvalidRequestError

__all__ = ["Latency", "LatencyOf", "LatencyTracker", "ModelLatency", "percentile_of"]

DEFAULT_SAMPLES: Final = 100
"""Enough that the 99th percentile is not just the slowest one."""
MAX_MODELS: Final = 64
"""Models remembered; the API has some twenty. The one unheard of for longest is forgotten first."""

LatencyOf: TypeAlias = Literal["first_token", "total"]
"""What is measured: the time until the first token, of streams only; or the whole call."""


@attrs.frozen(kw_only=True)
class Latency:
    """What some times amount to, in seconds.

    Attributes:
        count: How many they are, 1 or more.
        average: Their mean.
        p50: The median.
        p95: 95 of 100 were as quick as this, or quicker.
        p99: 99 of 100 were.
    """

    count: int
    average: float
    p50: float
    p95: float
    p99: float


@attrs.frozen(kw_only=True)
class ModelLatency:
    """The last calls of one model.

    Attributes:
        first_token: From the call's begin to the first token; None without a stream among them.
        total: The whole calls, with all their attempts and waits.
        tokens_per_second: Tokens written in a second, over all of these calls: of a stream from
            its first chunk to its last, of other calls from begin to end; None if unknown.
    """

    first_token: Latency | None
    total: Latency
    tokens_per_second: float | None


def percentile_of(times: Iterable[float], q: float) -> float:
    """The least of `times` such that at least the share `q` of them is not above it.

    It is one of them (nearest rank), and not a value in between that no call had.

    Args:
        times: One or more.
        q: From 0 to 1.

    Raises:
        InvalidRequestError: `q` is out of its range, or there are no times.
    """
    if not 0 <= q <= 1:
        raise InvalidRequestError(f"q: expected a number from 0 to 1, got {q!r}", path="q", value=q)
    ranked = sorted(times)
    if not ranked:
        raise InvalidRequestError("times: expected one or more, got none", path="times")
    # The product may lie a hair above a whole number that it should be: 0.07 * 100.
    return ranked[max(0, math.ceil(round(q * len(ranked), 9)) - 1)]


@attrs.frozen
class _Sample:
    """One call.

    Attributes:
        total: Seconds of the whole call.
        first_token: Seconds to the first token; None for what is no stream.
        tokens: How many were written.
        writing: Seconds that they took.
    """

    total: float
    first_token: float | None
    tokens: int
    writing: float


@final
@attrs.define(eq=False)
class LatencyTracker:
    """An observer that keeps the times of the last calls of each model.

    Only calls that ended well, and streams that were read to their end, are counted: how long a
    failure takes says nothing of an answer.

    Args:
        samples: How many calls of each model, 1 or more.

    Raises:
        ConfigurationError: `samples` is no such number.
    """

    samples: int = attrs.field(
        default=DEFAULT_SAMPLES, validator=count(1), on_setattr=attrs.setters.frozen
    )
    _models: OrderedDict[str, deque[_Sample]] = attrs.field(
        factory=OrderedDict, init=False, repr=False
    )

    def on_event(self, event: Event, /) -> None:
        """Take in what a call tells."""
        if not isinstance(event, CallFinished) or not event.complete or not event.call.model:
            return
        known = self._models.setdefault(event.call.model, deque(maxlen=self.samples))
        self._models.move_to_end(event.call.model)
        if len(self._models) > MAX_MODELS:
            self._models.popitem(last=False)
        known.append(
            _Sample(
                total=event.seconds,
                first_token=event.first_token,
                tokens=event.usage.output_tokens if event.usage is not None else 0,
                # A reader that takes its time holds its stream up, but not what has been received.
                writing=event.chunk_seconds if event.chunks > 1 else event.seconds,
            )
        )

    def report(self) -> Mapping[str, ModelLatency]:
        """What is known, by model; the one that was heard of last comes last."""
        return {model: _summed_up(samples) for model, samples in self._models.items()}

    def percentile(self, model: str, q: float, *, of: LatencyOf = "first_token") -> float | None:
        """How long a share of the calls of a model took at the most.

        Args:
            model: Its name.
            q: The share, from 0 to 1: 0.95 for the 95th percentile.
            of: Of which time.

        Returns:
            Seconds; None if nothing is known.

        Raises:
            InvalidRequestError: `q` is out of its range.
        """
        times = _times(self._models.get(model, ()), of)
        return percentile_of(times, q) if times else None


def _times(samples: Iterable[_Sample], of: LatencyOf) -> list[float]:
    times = (sample.total if of == "total" else sample.first_token for sample in samples)
    return [time for time in times if time is not None]


def _summed_up(samples: Iterable[_Sample]) -> ModelLatency:
    samples = [*samples]
    firsts = _times(samples, "first_token")
    tokens = sum(sample.tokens for sample in samples)
    writing = sum(sample.writing for sample in samples if sample.tokens)
    return ModelLatency(
        first_token=_latency(firsts) if firsts else None,
        total=_latency(_times(samples, "total")),
        tokens_per_second=tokens / writing if tokens and writing > 0 else None,
    )


def _latency(times: list[float]) -> Latency:
    return Latency(
        count=len(times),
        average=math.fsum(times) / len(times),
        p50=percentile_of(times, 0.50),
        p95=percentile_of(times, 0.95),
        p99=percentile_of(times, 0.99),
    )
