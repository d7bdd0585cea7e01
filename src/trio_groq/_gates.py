"""What an attempt passes before it is sent: circuit, rate gate and throttle, in this order.

The policies decide (`_api.circuit`, `_api.rate_gate`, `_api.throttle`); here tasks wait for them.

Whoever had to wait for one of them asks the others again, with no await before the request: the
circuit may have opened meanwhile, or the model refused another call. Only then is the place of a
probe taken: nobody holds one while it waits.
"""

import math
from collections.abc import Mapping
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final, final

import trio

from trio_groq._api.circuit import (
    CircuitBreakerPolicy,
    CircuitPermit,
    OnOpen,
    counts_as_failure,
)
from trio_groq._api.rate_gate import LONGEST_CLOSED, RateGate, RatePermit
from trio_groq._api.rate_limit_policy import RateLimitPolicy
from trio_groq._api.rate_limits import (
    UNNAMED_WAIT,
    RateLimitBook,
    parse_rate_limits,
    wait_after,
)
from trio_groq._circuits import CircuitListener, Circuits
from trio_groq._gate_statistics import GateStatistics
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.messages import Origin
from trio_groq._trial import Trial
from trio_groq._turns import (
    Tally,
    Turn,
    WaitLimit,
    no_turn,
    wait_for_circuit,
    wait_in_line,
    wake,
)
from trio_groq.errors import (
    APIStatusError,
    APITimeoutError,
    CircuitOpenError,
    GroqError,
    PoolTimeoutError,
    RateLimitError,
)

if TYPE_CHECKING:
    from trio_groq._api.throttle import Spend, Throttle

__all__ = ["GateStatistics", "Gates", "Permit"]

DEFAULT_MAX_WAIT: Final = 60.0
"""Seconds to wait for a turn where no policy says otherwise: as long as a retry waits at the most
(`max_retry_after`)."""


@final
class Permit:
    """The right to send one attempt. Settled once: later settlements change nothing.

    Attributes:
        model: The model that it is for.
        place: The call's number in order of arrival: what comes again keeps it.
    """

    __slots__ = (
        "_circuit",
        "_gates",
        "_is_settled",
        "_origin",
        "_rate",
        "_spend",
        "model",
        "place",
    )

    def __init__(
        self,
        gates: "Gates",
        origin: Origin,
        model: str,
        place: int,
        parts: "tuple[CircuitPermit | None, RatePermit, Spend | None]",
    ) -> None:
        self._gates = gates
        self._origin = origin
        self._is_settled = False
        self.model: Final = model
        self.place: Final = place
        self._circuit, self._rate, self._spend = parts

    def succeeded(self, headers: Mapping[str, str], tokens: int | None = None) -> None:
        """The response's head is here, and it is no error.

        Args:
            headers: Its header fields.
            tokens: What the call cost, if that is known already; else `used` says it later.
        """
        if self._is_settled:
            return
        self._is_settled = True
        now = trio.current_time()
        self._settle_circuit(now, failed=False)
        wake(self._rate.granted(now))
        self._gates.book.note(self.model, headers, now)
        if self._spend is not None:
            wake(self._spend.answered(parse_rate_limits(headers), now))
            if tokens is not None:
                self.used(tokens)

    def begun(self, headers: Mapping[str, str]) -> Trial:
        """A stream's head is here; the circuit waits for its first token.

        Args:
            headers: Its header fields.
        """
        gates, circuit = self._gates, self._circuit
        self._circuit = None
        self.succeeded(headers)
        settle = None
        if circuit is not None and gates.circuits is not None:
            settle = partial(gates.circuits.settle, self._origin, circuit)
        return Trial(settle, gates.verdict, self._rate, self._spend)

    @property
    def counts_tokens(self) -> bool:
        """Whether anybody wants to know what the call cost."""
        return self._spend is not None

    def used(self, tokens: int) -> None:
        """The call cost so many tokens; for a stream, when its usage has come."""
        if self._spend is not None:
            wake(self._spend.used(tokens, trio.current_time()))

    def failed(self, error: GroqError, wait: float | None = None) -> bool:
        """The attempt ended with an error.

        Args:
            error: The error.
            wait: Seconds that the retry policy waits, which count where a 429 names none; None if
                it does not try again.

        Returns:
            Whether the model's calls are held back now: the next attempt then waits for its turn
            by entering again, and needs no wait before that.
        """
        if self._is_settled:
            return False
        self._is_settled = True
        now = trio.current_time()
        failure = self._gates.verdict(error)
        self._settle_circuit(now, failed=failure)
        limits = None
        if isinstance(error, APIStatusError):
            limits = error.rate_limits
            self._gates.book.note(self.model, error.headers, now)
        if self._spend is not None:
            wake(self._spend.answered(limits, now))
            # What was turned away, or never sent, cost nothing.
            if failure is False or isinstance(error, PoolTimeoutError):
                wake(self._spend.used(0, now))
        if isinstance(error, RateLimitError) and self._gates.is_reactive:
            named = wait_after(error, 0.0)
            unnamed = UNNAMED_WAIT if wait is None else wait
            # Whoever accepts the wait is not to come back before it is over.
            longest = 0.0 if wait is None else wait
            return self._rate.refused(now, named or unnamed, is_named=named > 0, longest=longest)
        wake(self._rate.granted(now) if failure is False else self._rate.void())
        return False

    def cancelled(self) -> None:
        """The attempt was given up: nobody knows what became of it. Idempotent, as all others."""
        if self._is_settled:
            return
        self._is_settled = True
        now = trio.current_time()
        self._settle_circuit(now, failed=None)
        wake(self._rate.void())
        if self._spend is not None:
            wake(self._spend.answered(None, now))

    def unsent(self) -> None:
        """The attempt could not be sent, through no fault of the service."""
        if self._is_settled:
            return
        self._is_settled = True
        now = trio.current_time()
        self._settle_circuit(now, failed=None)
        wake(self._rate.void())
        if self._spend is not None:
            wake(self._spend.void(now))

    def _settle_circuit(self, now: float, *, failed: bool | None) -> None:
        circuits = self._gates.circuits
        if circuits is not None and self._circuit is not None:
            circuits.settle(self._origin, self._circuit, now, failed=failed)


@final
class Gates:
    """One for each client and key: circuits by origin, rate gates and budgets by model.

    Args:
        circuit_breaker: When a service is held to be down; None for never.
        rate_limit: How to keep within limits; None to wait only after a refusal.
        max_wait: Longest wait after a refusal where `rate_limit` is None, in seconds, 0 or more.
        on_circuit: Told of an origin whose circuit goes from one state to another.
        timeouts: Limits that calls usually have; None if that is not known.

    Attributes:
        book: The limits that were seen last, by model.
        verdict: What an error says of the service; see `counts_as_failure`.
        circuits: The circuits; None where no service is ever held to be down.
        is_reactive: Whether a refusal holds other calls back.
    """

    def __init__(
        self,
        circuit_breaker: CircuitBreakerPolicy | None = None,
        rate_limit: RateLimitPolicy | None = None,
        *,
        max_wait: float | None = DEFAULT_MAX_WAIT,
        on_circuit: CircuitListener | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._timeouts: Final = timeouts
        self.verdict: Final = partial(counts_as_failure, usual=timeouts)
        self.book: Final = RateLimitBook()
        self.is_reactive: Final = rate_limit is None or rate_limit.reactive
        self.circuits: Circuits | None = (
            None if circuit_breaker is None else Circuits(circuit_breaker, on_circuit)
        )
        self._policy: Final = rate_limit
        self._throttle: Final = _new_throttle(rate_limit)
        self._usual_wait: Final = max_wait
        longest = max_wait if rate_limit is None else rate_limit.max_wait
        self._max_wait: Final = math.inf if longest is None else longest
        self._rate: Final = RateGate(
            cold_start=None if rate_limit is None else rate_limit.cold_start,
            longest=max(LONGEST_CLOSED, self._max_wait),
        )
        self._places = count(1)
        self._waits: Final = {"circuit": Tally(), "rate_limit": Tally(), "throttle": Tally()}

    def for_another_key(self) -> "Gates":
        """New ones for the same service: limits are those of a key, a service is down for all."""
        other = Gates(rate_limit=self._policy, max_wait=self._usual_wait, timeouts=self._timeouts)
        other.circuits = self.circuits
        other._places = self._places  # a circuit's line is one for all of them
        return other

    # -- the way in

    def new_place(self) -> int:
        """The number of a call that arrives now; all of its attempts have it."""
        return next(self._places)

    def try_enter(self, origin: Origin, model: str, estimate: int, place: int) -> Permit | None:
        """Enter without waiting.

        Args:
            origin: Where the attempt goes.
            model: The model that it is for; empty for a call that is for none.
            estimate: Tokens that it may cost at the most, 1 or more.
            place: See `new_place`.

        Returns:
            The permit; None if `enter` has to wait, or to say that it will not.
        """
        now = trio.current_time()
        circuit = None
        circuits = self.circuits
        if circuits is not None:
            circuit = circuits.of(origin)
            if circuit.line or circuit.admits_at(now) > now:
                return None
        rate = self._rate.try_enter(model, now)
        if rate is None:
            return None
        spend = None
        if self._throttle is not None and model:  # the limits are those of models
            spend = self._throttle.try_enter(model, estimate, now)
            if spend is None:
                wake(rate.void())
                return None
        passed = None
        if circuits is not None and circuit is not None:
            passed = circuits.admit(circuit, origin, now)
        return Permit(self, origin, model, place, (passed, rate, spend))

    async def enter(
        self,
        origin: Origin,
        model: str,
        estimate: int,
        place: int,
        deadlines: Deadlines,
        *,
        on_open: OnOpen | None = None,
        max_retry_after: float | None = None,
    ) -> Permit:
        """Wait until an attempt may be sent. The arguments are those of `try_enter`.

        Cancelled while it waits, the call leaves nothing behind, and the next has its turn.

        Args:
            origin: See there.
            model: See there.
            estimate: See there.
            place: See there.
            deadlines: The call's own limits.
            on_open: What to do at an open circuit; None for what its policy says.
            max_retry_after: Longest wait after a refusal that its retry policy accepts, in
                seconds; it counts where that is not the client's own.

        Raises:
            CircuitOpenError: The circuit is open, and is not waited for, or for too long.
            APITimeoutError: The wait was too long, with the phase `rate_limit`; or it would be
                certain to be, before it began.
        """
        longest = self._max_wait
        if max_retry_after is not None and max_retry_after != self._usual_wait:
            longest = max_retry_after
        permit = None
        while permit is None:
            if self.circuits is not None:
                circuit = self.circuits.of(origin)
                endless = WaitLimit(deadlines, math.inf)
                tally = self._waits["circuit"]
                await wait_for_circuit(circuit, origin, place, endless, tally, on_open=on_open)
            limit = WaitLimit(deadlines, self._max_wait)
            rate = await self._pass_rate_gate(model, place, WaitLimit(deadlines, longest))
            try:
                spend = await self._pass_throttle(model, estimate, place, limit)
            except BaseException:
                wake(rate.void())
                raise
            permit = self._admit(origin, model, place, rate, spend)
        return permit  # noqa: ASYNC910 (asked only where a request follows)

    def _admit(
        self, origin: Origin, model: str, place: int, rate: RatePermit, spend: "Spend | None"
    ) -> Permit | None:
        """Take the circuit's permit; if anything has changed meanwhile, give the others back."""
        now = trio.current_time()
        if rate.is_current:
            circuits = self.circuits
            if circuits is None:
                return Permit(self, origin, model, place, (None, rate, spend))
            circuit = circuits.admit(circuits.of(origin), origin, now)
            if circuit is not None:
                return Permit(self, origin, model, place, (circuit, rate, spend))
        wake(rate.void())
        if spend is not None:
            wake(spend.void(now))
        return None

    async def _pass_rate_gate(self, model: str, place: int, limit: WaitLimit) -> RatePermit:
        gate = self._rate
        permit = gate.try_enter(model, trio.current_time())
        if permit is not None:
            return permit  # noqa: ASYNC910 (see `enter`)
        waiter = gate.join(model, place)
        turn = Turn(
            partial(gate.poll, model, waiter),
            lambda _: gate.opens_at(model),
            lambda now: limit.error(model, gate.opens_at(model) - now, gate.named(model, now)),
        )
        return await wait_in_line(waiter, turn, limit, self._waits["rate_limit"])

    async def _pass_throttle(
        self, model: str, estimate: int, place: int, limit: WaitLimit
    ) -> "Spend | None":
        throttle = self._throttle
        if throttle is None or not model:
            return None  # noqa: ASYNC910 (see `enter`)
        now = trio.current_time()
        spend = throttle.try_enter(model, estimate, now)
        if spend is not None:
            return spend  # noqa: ASYNC910 (see `enter`)
        waiter = throttle.join(model, place, estimate, now)
        turn_at = partial(throttle.turn_at, model, estimate)
        turn = Turn(
            partial(throttle.poll, model, waiter),
            turn_at,
            lambda now: limit.error(model, turn_at(now) - now),
        )
        return await wait_in_line(waiter, turn, limit, self._waits["throttle"])

    def hindrance(self, origin: Origin, model: str) -> APITimeoutError | CircuitOpenError:
        """The error for a call that `try_enter` did not let pass and that does not wait.

        Args:
            origin: Where it goes.
            model: The model that it is for.
        """
        now = trio.current_time()
        if self.circuits is not None:
            circuit = self.circuits.of(origin)
            if circuit.line or circuit.admits_at(now) > now:
                return circuit.refusal(origin, now)
        gate = self._rate
        return no_turn(model, "at once", 0.0, gate.opens_at(model) - now, gate.named(model, now))

    # -- what is known

    def statistics(self) -> GateStatistics:
        """All counts at this moment."""
        circuit, rate, throttle = self._waits.values()
        return GateStatistics(
            rate_limit_waits=rate.count,
            rate_limit_seconds=rate.seconds,
            throttle_waits=throttle.count,
            throttle_seconds=throttle.seconds,
            circuit_waits=circuit.count,
            circuit_seconds=circuit.seconds,
            given_up=sum(tally.given_up for tally in self._waits.values()),
            waiting=sum(tally.waiting for tally in self._waits.values()),
            circuits={} if self.circuits is None else self.circuits.states(),
            rates=self._rate.rates(),
        )


def _new_throttle(policy: RateLimitPolicy | None) -> "Throttle | None":
    if policy is None or not policy.proactive:
        return None
    from trio_groq._api.throttle import Throttle  # noqa: PLC0415 (most clients have no policy)

    return Throttle(policy)
