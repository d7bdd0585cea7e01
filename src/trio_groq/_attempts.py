"""The attempts of one logical call: gates before each, the retry policy after each that failed.

A wait only begins if it ends before the call's limit and the caller's own deadline.
"""

import math
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, final

import msgspec
import trio

from trio_groq._api.circuit import OnOpen
from trio_groq._api.rate_limit_policy import estimate_tokens
from trio_groq._api.requests import Call
from trio_groq._api.retry import RetryPolicy, decide
from trio_groq._api.retry_budget import RetryBudget
from trio_groq._gates import Gates, Permit
from trio_groq._http.deadlines import Deadlines
from trio_groq._http.messages import Origin
from trio_groq._open_response import OpenResponse, Unparsed
from trio_groq.errors import (
    APIError,
    APIStatusError,
    APITimeoutError,
    AttemptRecord,
    CircuitOpenError,
    GroqError,
    RequestInfo,
)

if TYPE_CHECKING:
    from trio_groq._hooks import CallWatch

__all__ = ["Attempt", "Attempts", "OpenCircuitRule", "Patience"]

T = TypeVar("T")
Attempt = Callable[[Call, int], Awaitable[tuple[T, OpenResponse]]]
"""Takes the call and how many attempts of it failed; gives the value and its response."""

Target: TypeAlias = tuple[Origin, str, int, int]
"""What an attempt enters the gates with: origin, model, estimated tokens, the call's place."""

IDEMPOTENCY_KEY: Final = "Idempotency-Key"


@final
class OpenCircuitRule:
    """What calls do that meet an open circuit, until the rule is lifted: None is its policy.

    A task that was started under a rule inherits it, and may go on when whoever made it has ended.
    """

    __slots__ = ("on_open",)

    def __init__(self, on_open: OnOpen | None) -> None:
        self.on_open: OnOpen | None = on_open

    def __enter__(self) -> None:
        OPEN_CIRCUIT.set(self)

    def __exit__(self, *_exc: object) -> None:
        self.on_open = None


OPEN_CIRCUIT: Final[ContextVar[OpenCircuitRule]] = ContextVar("open circuit")
"""The rule of a task, and not of a caller, as fan-out also runs calls and streams that others have
made."""
_NO_RULE: Final = OpenCircuitRule(None)


class Patience(msgspec.Struct, kw_only=True, frozen=True):
    """What all calls of a client share in deciding on attempts.

    Attributes:
        gates: What an attempt passes before it is sent.
        budget: Bounds the retries of all calls together; None for no such bound.
        random: Chance, 0 <= u < 1, for the jitter.
        waits: Whether a call waits at a gate; if not, it fails there at once.
    """

    gates: Gates = msgspec.field(default_factory=Gates)
    budget: RetryBudget | None = None
    random: Callable[[], float]
    waits: bool = True


@final
class Attempts:
    """One call, attempted until it succeeds, or its policy or a deadline says stop.

    Args:
        patience: What it shares with others.
        policy: Its own.
        deadlines: Its limits.
        origin: Where it goes.
        info: Method and URL, for errors.
        watch: What it tells its story to; None where nobody observes.
    """

    __slots__ = (
        "_deadlines",
        "_history",
        "_info",
        "_origin",
        "_patience",
        "_policy",
        "_started",
        "_watch",
    )

    def __init__(
        self,
        patience: Patience,
        policy: RetryPolicy,
        deadlines: Deadlines,
        origin: Origin,
        info: RequestInfo,
        *,
        watch: "CallWatch | None" = None,
    ) -> None:
        self._watch = watch
        self._patience = patience
        self._policy = policy
        self._deadlines = deadlines
        self._origin = origin
        self._info = info
        self._history: tuple[AttemptRecord, ...] = ()
        self._started = 0.0

    async def run(self, call: Call, attempt: Attempt[T]) -> tuple[T, OpenResponse]:
        """Attempt `call`.

        Raises:
            APIError: The last attempt's error; its `history` has all.
            CircuitOpenError: Nothing was sent.
        """
        call = self._with_idempotency_key(call)
        gates, budget = self._patience.gates, self._patience.budget
        length = len(call.body) if isinstance(call.body, bytes) else 0
        estimate = estimate_tokens(length, call.max_tokens) if call.model else 1
        target = self._origin, call.model, estimate, gates.new_place()
        if budget is not None:  # the call has begun just now
            budget.called(self._deadlines.started)
        last: APIError | None = None
        while True:
            try:
                permit = gates.try_enter(*target) or await self._enter(target, last)
            finally:
                last = None  # its traceback holds this frame
            self._started = trio.current_time()
            if self._watch is not None:
                self._watch.attempt_started()
            try:
                value, response = await attempt(call, len(self._history))
            except APIError as error:
                wait, is_held = self._judge(call, permit, error)
                # A caller that has given up meanwhile is told so, and not of this.
                await trio.lowlevel.checkpoint_if_cancelled()
                if self._watch is not None:
                    self._watch.attempt_failed(error, wait)
                if wait is None:
                    raise
                last = error
            except GroqError:  # refused by ourselves: a header, the key, the body
                permit.unsent()
                raise
            else:
                self._note_success(permit, value, response)
                return value, response
            finally:
                permit.cancelled()  # unless it was settled
            if not is_held:
                await trio.sleep(wait)
                if self._watch is not None:
                    self._watch.waited("retry", wait)

    def _note_success(self, permit: Permit, value: object, response: OpenResponse) -> None:
        if response.awaits_token:
            response.trial = permit.begun(response.head.headers)
        else:
            permit.succeeded(response.head.headers)
        if permit.counts_tokens and (cost := _cost_of(value)) is not None:
            permit.used(cost)
        response.attempts = len(self._history) + 1
        response.history = self._history
        response.began_at = self._started
        response.permit = permit

    async def _enter(self, target: Target, last: APIError | None) -> Permit:
        """Wait until the next attempt may be sent.

        Raises:
            APIError: It may not be, or not in time: the last attempt's error, which says so.
            CircuitOpenError: There was no attempt before.
        """
        if not self._patience.waits:
            if last is not None:
                last.add_note("Not tried again: a gate is shut, and this call waits at none.")
                try:
                    raise last
                finally:
                    del last
            raise self._hindrance(target)
        since = trio.current_time()
        try:
            permit = await self._patience.gates.enter(
                *target,
                self._deadlines,
                max_retry_after=self._policy.max_retry_after,
                on_open=OPEN_CIRCUIT.get(_NO_RULE).on_open,
            )
        except (APITimeoutError, CircuitOpenError) as late:
            if last is None:
                if isinstance(late, APITimeoutError):
                    late.request = self._info
                raise
            last.add_note(f"Not tried again: {late}")
            try:
                raise last from None
            finally:
                del last
        waited = trio.current_time() - since
        if self._watch is not None and waited > 0:
            self._watch.waited("gates", waited)
        return permit

    def _hindrance(self, target: Target) -> GroqError:
        error = self._patience.gates.hindrance(target[0], target[1])
        if isinstance(error, APITimeoutError):
            error.request = self._info
        return error

    def _judge(self, call: Call, permit: Permit, error: APIError) -> tuple[float | None, bool]:
        """What follows a failure: seconds to wait, None to stop; and whether a gate holds it."""
        number = len(self._history) + 1
        wait = decide(
            self._policy,
            attempt=number,
            error=error,
            headers=error.headers if isinstance(error, APIStatusError) else None,
            remaining=self._remaining(),
            u=self._patience.random(),
        )
        if not _repeatable(call):
            wait = None
        is_held = permit.failed(error, wait)
        if wait is not None and not is_held and not self._affordable(error):
            wait = None
        self._history += (
            AttemptRecord(
                number=number,
                started=self._started - self._deadlines.started,
                duration=trio.current_time() - self._started,
                error=f"{type(error).__name__}: {error.message}",
                status=error.status_code if isinstance(error, APIStatusError) else None,
                request_id=error.request_id,
                wait=wait,
            ),
        )
        error.attempts = number
        error.history = self._history
        error.request = error.request or self._info
        return wait, is_held

    def _affordable(self, error: APIError) -> bool:
        """Whether the budget of all calls has room for a retry, or it needs none."""
        budget = self._patience.budget
        if budget is None or self._waits_for_circuit() or budget.try_retry(trio.current_time()):
            return True
        error.add_note(
            "Not tried again: the client's retry budget is spent, as too many calls fail."
        )
        return False

    def _waits_for_circuit(self) -> bool:
        """Whether a retry is sent when the service is up again, and so multiplies no outage."""
        circuits = self._patience.gates.circuits
        circuit = None if circuits is None else circuits.shut(self._origin)
        return (
            circuit is not None
            and (OPEN_CIRCUIT.get(_NO_RULE).on_open or circuit.policy.on_open) == "wait"
        )

    def _remaining(self) -> float:
        end = min(self._deadlines.ends_at, trio.current_effective_deadline())
        return math.inf if end == math.inf else end - trio.current_time()

    def _with_idempotency_key(self, call: Call) -> Call:
        if not self._policy.idempotency_key or call.method == "GET":
            return call
        if any(name.lower() == IDEMPOTENCY_KEY.lower() for name in call.headers):
            return call
        import uuid  # noqa: PLC0415 (keys have to be asked for)

        key = f"trio-groq-{uuid.uuid4()}"
        return msgspec.structs.replace(call, headers={**call.headers, IDEMPOTENCY_KEY: key})


def _repeatable(call: Call) -> bool:
    """Whether the body can be sent once more: a stream that was read from cannot."""
    return isinstance(call.body, bytes) or call.body.replayable


def _cost_of(value: object) -> int | None:
    """Tokens that a call cost, if its value says so; a stream says so at its end."""
    if isinstance(value, Unparsed):
        return value.cost()
    total = getattr(getattr(value, "usage", None), "total_tokens", None)
    return total if isinstance(total, int) else None
