"""When to stop asking a service that is down, and how to find out that it is up again. Sans-IO.

One machine for each origin:

    closed     calls pass. `failure_threshold` failures in a row: open.
    open       no call passes. After `open_for` seconds: half-open.
    half-open  `half_open_probes` calls at once pass. `success_threshold` successes: closed;
               one failure: open.

A call that was let through before the last transition has no say: it tells of a state that is
over. A probe that was cancelled gives its place back and proves nothing. Each step is O(1), and
O(log n) in the calls that wait.
"""

from enum import Enum
from typing import Final, Literal, TypeAlias, final

import attrs

from trio_groq._api.line import Line
from trio_groq._http.deadlines import Timeouts
from trio_groq._validators import count, number, one_of
from trio_groq.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    CircuitOpenError,
    GroqError,
    StreamError,
)

__all__ = [
    "Circuit",
    "CircuitBreakerPolicy",
    "CircuitPermit",
    "CircuitState",
    "OnOpen",
    "counts_as_failure",
]

OnOpen: TypeAlias = Literal["fail", "wait"]
"""What a call does that meets an open circuit."""

ASK_AGAIN: Final = 1.0
"""Seconds after which a call may ask again that met a circuit being tried: nobody knows when the
try ends, and to name the present moment would have callers ask without end."""
_FIRST_SERVER_STATUS: Final = 500
_OWN_PHASES: Final = frozenset({"key", "pool", "rate_limit"})
"""Waits for something of ours; the service was not asked."""


@attrs.frozen(kw_only=True)
class CircuitBreakerPolicy:
    """When a service is held to be down. All times are in seconds.

    Attributes:
        failure_threshold: Failures in a row that open the circuit, 1 or more.
        open_for: Time without any call, above 0.
        half_open_probes: Calls at once that try the service after that, 1 or more.
        success_threshold: Successes of these that close the circuit, 1 or more.
        on_open: `fail` raises `CircuitOpenError` at once; `wait` holds the call back until it is
            its turn to try, or the circuit is closed. Calls of `client.map` wait in any case.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    failure_threshold: int = attrs.field(default=5, validator=count(1))
    open_for: float = attrs.field(default=30.0, validator=number(0, above=True))
    half_open_probes: int = attrs.field(default=1, validator=count(1))
    success_threshold: int = attrs.field(default=3, validator=count(1))
    on_open: OnOpen = attrs.field(default="fail", validator=one_of(OnOpen))


class CircuitState(Enum):
    """What a circuit does with calls."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class _Event(Enum):
    """What moves a circuit from one state to another."""

    TRIPPED = "as many failures in a row as it takes"
    COOLED = "the time without calls is over"
    RELAPSED = "a probe failed"
    PROVED = "as many probes succeeded as it takes"


_TRANSITIONS: Final = {
    (CircuitState.CLOSED, _Event.TRIPPED): CircuitState.OPEN,
    (CircuitState.OPEN, _Event.COOLED): CircuitState.HALF_OPEN,
    (CircuitState.HALF_OPEN, _Event.RELAPSED): CircuitState.OPEN,
    (CircuitState.HALF_OPEN, _Event.PROVED): CircuitState.CLOSED,
}


def _is_hasty(error: APITimeoutError, usual: Timeouts) -> bool:
    """Whether a call had less time than calls usually have."""
    if error.phase == "connect":
        return False
    limit: float | None = getattr(usual, error.phase)
    if limit is None and error.phase in ("first_token", "total"):  # there is one on silence
        limit = usual.read
    return limit is None or error.limit < limit


def counts_as_failure(error: GroqError, usual: Timeouts | None = None) -> bool | None:
    """Tell what an error says of the service.

    Args:
        error: What an attempt ended with.
        usual: The client's own limits: a shorter one that a caller set for one call says nothing of
            the service, as it may be shorter than any service could meet. Of the limit on
            connecting it does. None if they are not known, where all limits count.

    Returns:
        True for a failed connection, a broken stream, a passed time limit and a status from 500
        on: the service failed. False for every other status: it is up, and answers. None for what
        says nothing of it, such as a wait for a connection of the pool, or a caller's haste.
    """
    if isinstance(error, APIStatusError):
        return error.status_code >= _FIRST_SERVER_STATUS
    if isinstance(error, APITimeoutError):
        is_own = error.phase in _OWN_PHASES or (usual is not None and _is_hasty(error, usual))
        return None if is_own else True
    # Ours that say "do not repeat" are about this client, such as a call after its close.
    if isinstance(error, APIConnectionError | StreamError) and error.is_retryable:
        return True
    return None


@final
class CircuitPermit:
    """The right to make one call. Settled once: later settlements change nothing.

    Each way to settle it returns whether whoever waits first in line has a reason to ask again.
    """

    __slots__ = ("_circuit", "_round")

    def __init__(self, circuit: "Circuit") -> None:
        self._circuit: Circuit | None = circuit
        self._round = circuit.round

    def succeeded(self, now: float) -> bool:
        """The service answered."""
        circuit = self._take()
        return circuit is not None and circuit.note_success(now)

    def failed(self, now: float) -> bool:
        """The service failed; see `counts_as_failure`."""
        circuit = self._take()
        return circuit is not None and circuit.note_failure(now)

    def cancelled(self) -> bool:
        """Nothing is known of the service."""
        circuit = self._take()
        return circuit is not None and circuit.note_nothing()

    def _take(self) -> "Circuit | None":
        circuit, self._circuit = self._circuit, None
        return circuit if circuit is not None and circuit.round == self._round else None


@final
class Circuit:
    """See the top of this file. `now` is any clock in seconds that never goes back.

    Attributes:
        policy: The numbers.
        state: What it did with the last call. An open circuit is half-open when the next one asks
            after `retry_at`; `state_at` tells of that before.
        round: Number of its transitions so far.
        retry_at: When it is or was due to let a probe through; -infinity if it was never open.
        line: Calls that wait for it to let them through.
    """

    __slots__ = (
        "_failures",
        "_probes",
        "_successes",
        "line",
        "policy",
        "retry_at",
        "round",
        "state",
    )

    def __init__(self, policy: CircuitBreakerPolicy) -> None:
        self.policy: Final = policy
        self.state: CircuitState = CircuitState.CLOSED
        self.round: int = 0
        self.retry_at: float = float("-inf")
        self.line: Final = Line()
        self._failures = self._successes = self._probes = 0

    def state_at(self, now: float) -> CircuitState:
        """What it does with a call that asks now."""
        is_over = self.state is CircuitState.OPEN and now >= self.retry_at
        return CircuitState.HALF_OPEN if is_over else self.state

    def admits_at(self, now: float) -> float:
        """When a call may pass: `now` or earlier for at once, infinity if a probe decides that."""
        if self.state is CircuitState.OPEN:
            return self.retry_at
        is_full = self._probes >= self.policy.half_open_probes
        return float("inf") if self.state is CircuitState.HALF_OPEN and is_full else now

    def admit(self, now: float) -> CircuitPermit | None:
        """Let a call through; None if it may not pass now."""
        if self.state is CircuitState.CLOSED:  # the usual one
            return CircuitPermit(self)
        if self.admits_at(now) > now:
            return None
        if self.state is CircuitState.OPEN:
            self._move(_Event.COOLED)
        self._probes += 1
        return CircuitPermit(self)

    def refusal(self, origin: object, now: float) -> CircuitOpenError:
        """The error for a call that may not pass now.

        Args:
            origin: What the circuit is for.
            now: The moment.
        """
        retry_at = self.retry_at
        if self.state is CircuitState.OPEN and retry_at > now:
            when = f"it is tried again in {retry_at - now:.3g} s"
        else:
            retry_at = now + ASK_AGAIN
            when = "it is being tried again now"
        return CircuitOpenError(
            f"circuit: expected {origin} to be up, got {self.policy.failure_threshold} failures "
            f"in a row or a failed try; {when}",
            retry_at=retry_at,
        )

    def note_success(self, now: float) -> bool:  # noqa: ARG002 (the same form as a failure)
        """A call of this round succeeded. Returns whether more may pass now."""
        self._failures = 0
        if self.state is CircuitState.CLOSED:
            return False
        self._probes -= 1
        self._successes += 1
        if self._successes >= self.policy.success_threshold:
            self._move(_Event.PROVED)
        return True

    def note_failure(self, now: float) -> bool:
        """A call of this round failed. Returns whether the head of the line is to ask again."""
        self._failures += 1
        if self.state is CircuitState.HALF_OPEN:
            self.retry_at = now + self.policy.open_for
            self._move(_Event.RELAPSED)
        elif self._failures >= self.policy.failure_threshold:
            self.retry_at = now + self.policy.open_for
            self._move(_Event.TRIPPED)
        return True

    def note_nothing(self) -> bool:
        """A call of this round gives its place back. Returns whether another may have it."""
        if self.state is CircuitState.CLOSED:
            return False
        self._probes -= 1
        return True

    def _move(self, event: _Event) -> None:
        self.state = _TRANSITIONS[self.state, event]
        self.round += 1
        self._failures = self._successes = self._probes = 0
