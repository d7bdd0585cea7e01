"""What an attempt passes before it is sent: circuit, rate gate and throttle, in this order.

The policies decide (`_api.circuit`, `_api.rate_gate`, `_api.throttle`); here tasks wait for them.

Whoever had to wait for one of them asks the others again, with no await before the request: the
circuit may have opened meanwhile, or the model refused another call. Only then is the place of a
probe taken: nobody holds one while it waits.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, final

import attrs
import trio

from trio_groq._api.circuit import (
    Circuit,
    CircuitBreakerPolicy,
    CircuitPermit,
    CircuitState,
    counts_as_failure,
)
from trio_groq._api.rate_gate import LONGEST_CLOSED, RateGate, RatePermit
from trio_groq._api.rate_limits import RateLimitBook, parse_rate_limits, wait_after
from trio_groq._api.throttle import RateLimitPolicy, Spend, Throttle
from trio_groq._http.deadlines import Deadlines
from trio_groq._http.messages import Origin
from trio_groq._turns import Tally, Turn, WaitLimit, wait_in_line, wake
from trio_groq.errors import APIStatusError, GroqError, PoolTimeoutError, RateLimitError

__all__ = ["GateStatistics", "Gates", "Permit"]

MAX_ORIGINS: Final = 64
"""Circuits remembered; a client has one origin, as a rule. The oldest closed one goes first."""
DEFAULT_MAX_WAIT: Final = 60.0
"""Seconds to wait for a turn where no policy says otherwise: as long as a retry waits at the most
(`max_retry_after`)."""


@attrs.frozen(kw_only=True)
class GateStatistics:
    """What was waited for before calls were sent.

    Attributes:
        rate_limit_waits: Attempts that waited because the server had refused one.
        rate_limit_seconds: For how long, in all.
        throttle_waits: Attempts that waited for a budget.
        throttle_seconds: For how long, in all.
        circuit_waits: Attempts that waited for an open circuit.
        circuit_seconds: For how long, in all.
        given_up: Attempts that were not sent, as their wait would have been too long or was.
        waiting: Attempts that wait now.
        circuits: State of each origin's circuit: `closed`, `open` or `half-open`.
        rates: Calls a second that a model is held to after a refusal, by model.
    """

    rate_limit_waits: int
    rate_limit_seconds: float
    throttle_waits: int
    throttle_seconds: float
    circuit_waits: int
    circuit_seconds: float
    given_up: int
    waiting: int
    circuits: Mapping[str, str]
    rates: Mapping[str, float]


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
        parts: tuple[CircuitPermit | None, RatePermit, Spend | None],
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
        failure = counts_as_failure(error)
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
        if isinstance(error, RateLimitError):
            return self._rate.refused(
                now, wait_after(error) if wait is None else wait_after(error, wait)
            )
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
        if self._circuit is not None:
            self._gates.settle_circuit(self._origin, self._circuit, now, failed=failed)


@final
class Gates:
    """One for each client: circuits by origin, rate gates and budgets by model.

    Args:
        circuit_breaker: When a service is held to be down; None for never.
        rate_limit: How to keep within limits; None to wait only after a refusal.
        max_wait: Longest wait after a refusal where `rate_limit` is None, in seconds, 0 or more.
        on_circuit: Told of an origin whose circuit goes from one state to another.

    Attributes:
        book: The limits that were seen last, by model.
    """

    def __init__(
        self,
        circuit_breaker: CircuitBreakerPolicy | None = None,
        rate_limit: RateLimitPolicy | None = None,
        *,
        max_wait: float | None = DEFAULT_MAX_WAIT,
        on_circuit: Callable[[Origin, str, str], None] | None = None,
    ) -> None:
        self._on_circuit = on_circuit
        self.book: Final = RateLimitBook()
        self._breaker = circuit_breaker
        self._circuits: OrderedDict[Origin, Circuit] = OrderedDict()
        self._throttle = (
            Throttle(rate_limit) if rate_limit is not None and rate_limit.proactive else None
        )
        if rate_limit is not None:
            max_wait = rate_limit.max_wait
        self._max_wait = math.inf if max_wait is None else max_wait
        self._rate = RateGate(
            cold_start=None if rate_limit is None else rate_limit.cold_start,
            longest=max(LONGEST_CLOSED, self._max_wait),
        )
        self._places = 0
        self._waits = {"circuit": Tally(), "rate_limit": Tally(), "throttle": Tally()}

    # -- the way in

    def new_place(self) -> int:
        """The number of a call that arrives now; all of its attempts have it."""
        self._places += 1
        return self._places

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
        if self._breaker is not None:
            circuit = self._circuit(origin)
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
        passed = None if circuit is None else self._pass(circuit, origin, now)
        return Permit(self, origin, model, place, (passed, rate, spend))

    async def enter(
        self, origin: Origin, model: str, estimate: int, place: int, deadlines: Deadlines
    ) -> Permit:
        """Wait until an attempt may be sent. The arguments are those of `try_enter`.

        Cancelled while it waits, the call leaves nothing behind, and the next has its turn.

        Args:
            origin: See there.
            model: See there.
            estimate: See there.
            place: See there.
            deadlines: The call's own limits.

        Raises:
            CircuitOpenError: The circuit is open, and is not waited for, or for too long.
            APITimeoutError: The wait was too long, with the phase `rate_limit`; or it would be
                certain to be, before it began.
        """
        permit = None
        while permit is None:
            await self._pass_circuit(origin, place, WaitLimit(deadlines, math.inf))
            limit = WaitLimit(deadlines, self._max_wait)
            rate = await self._pass_rate_gate(model, place, limit)
            try:
                spend = await self._pass_throttle(model, estimate, place, limit)
            except BaseException:
                wake(rate.void())
                raise
            permit = self._admit(origin, model, place, rate, spend)
        return permit  # noqa: ASYNC910 (asked only where a request follows)

    def _admit(
        self, origin: Origin, model: str, place: int, rate: RatePermit, spend: Spend | None
    ) -> Permit | None:
        """Take the circuit's permit; if anything has changed meanwhile, give the others back."""
        now = trio.current_time()
        if rate.is_current:
            if self._breaker is None:
                return Permit(self, origin, model, place, (None, rate, spend))
            circuit = self._pass(self._circuit(origin), origin, now)
            if circuit is not None:
                return Permit(self, origin, model, place, (circuit, rate, spend))
        wake(rate.void())
        if spend is not None:
            wake(spend.void(now))
        return None

    async def _pass_circuit(self, origin: Origin, place: int, limit: WaitLimit) -> None:
        if self._breaker is None:
            return  # noqa: ASYNC910 (see `enter`)
        circuit = self._circuit(origin)
        now = trio.current_time()
        if circuit.admits_at(now) <= now and not circuit.line:
            return  # noqa: ASYNC910 (see `enter`)
        tally = self._waits["circuit"]
        if self._breaker.on_open == "fail":
            tally.given_up += 1
            raise circuit.refusal(origin, now)
        waiter = circuit.line.join(place)

        def poll(now: float) -> float | None:
            at = circuit.admits_at(now) if circuit.line.head is waiter else math.inf
            return at if at > now else None

        turn = Turn(poll, lambda _: circuit.retry_at, partial(circuit.refusal, origin))
        await wait_in_line(waiter, turn, limit, tally)

    async def _pass_rate_gate(self, model: str, place: int, limit: WaitLimit) -> RatePermit:
        gate = self._rate
        permit = gate.try_enter(model, trio.current_time())
        if permit is not None:
            return permit  # noqa: ASYNC910 (see `enter`)
        waiter = gate.join(model, place)
        turn = Turn(
            partial(gate.poll, model, waiter),
            lambda _: gate.opens_at(model),
            lambda now: limit.error(model, gate.opens_at(model) - now),
        )
        return await wait_in_line(waiter, turn, limit, self._waits["rate_limit"])

    async def _pass_throttle(
        self, model: str, estimate: int, place: int, limit: WaitLimit
    ) -> Spend | None:
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

    def settle_circuit(
        self, origin: Origin, permit: CircuitPermit, now: float, *, failed: bool | None
    ) -> None:
        """Say what became of a call.

        Args:
            origin: Where it went.
            permit: What it passed the circuit with.
            now: The moment.
            failed: Whether the service failed; None if nobody knows.
        """
        before = None if self._on_circuit is None else self._circuit(origin).state
        if failed is None:
            is_news = permit.cancelled()
        else:
            is_news = permit.failed(now) if failed else permit.succeeded(now)
        if before is not None:
            self._tell(origin, before)
        if is_news:
            wake(self._circuit(origin).line)

    def _pass(self, circuit: Circuit, origin: Origin, now: float) -> CircuitPermit | None:
        before = circuit.state
        permit = circuit.admit(now)
        if circuit.state is not before:
            self._tell(origin, before)
        return permit

    def _tell(self, origin: Origin, before: CircuitState) -> None:
        """Tell of the circuit of `origin` if it is no longer what it was."""
        after = self._circuit(origin).state
        if self._on_circuit is not None and after is not before:
            self._on_circuit(origin, before.value, after.value)

    # -- what is known

    def _circuit(self, origin: Origin) -> Circuit:
        assert self._breaker is not None  # noqa: S101 (callers check it)
        circuit = self._circuits.get(origin)
        if circuit is None:
            circuit = self._circuits[origin] = Circuit(self._breaker)
            for old, each in list(self._circuits.items())[
                : max(0, len(self._circuits) - MAX_ORIGINS)
            ]:
                if each.state is CircuitState.CLOSED and not each.line:
                    del self._circuits[old]
        return circuit

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
            circuits={str(each): known.state.value for each, known in self._circuits.items()},
            rates=self._rate.rates(),
        )
