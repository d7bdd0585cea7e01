"""The circuits that a client and its views share: one for each origin (see `_api.circuit`)."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeAlias, final

import trio

from trio_groq._api.circuit import Circuit, CircuitBreakerPolicy, CircuitPermit, CircuitState
from trio_groq._http.messages import Origin
from trio_groq._turns import wake

__all__ = ["CircuitListener", "Circuits"]

MAX_ORIGINS: Final = 64
"""Circuits remembered; a client has one origin, as a rule. The oldest closed one goes first."""

CircuitListener: TypeAlias = Callable[[Origin, str, str, float], None]
"""Told of an origin whose circuit goes from one state to another, and how long it stays open."""


@final
class Circuits:
    """Finds circuits by origin, and tells what becomes of them.

    Args:
        policy: When a service is held to be down.
        on_change: Who is told; None for nobody.

    Attributes:
        policy: The same.
    """

    __slots__ = ("_known", "_on_change", "policy")

    def __init__(
        self, policy: CircuitBreakerPolicy, on_change: CircuitListener | None = None
    ) -> None:
        self.policy: Final = policy
        self._on_change = on_change
        self._known: OrderedDict[Origin, Circuit] = OrderedDict()

    def of(self, origin: Origin) -> Circuit:
        """The circuit of an origin; a new one, closed, if there was none."""
        circuit = self._known.get(origin)
        if circuit is None:
            circuit = self._known[origin] = Circuit(self.policy)
            for old, each in list(self._known.items())[: max(0, len(self._known) - MAX_ORIGINS)]:
                if each.state is CircuitState.CLOSED and not each.line:
                    del self._known[old]
        return circuit

    def shut(self, origin: Origin) -> Circuit | None:
        """The circuit of an origin if no call passes it now; None if one does."""
        circuit, now = self.of(origin), trio.current_time()
        return circuit if circuit.admits_at(now) > now else None

    def admit(self, circuit: Circuit, origin: Origin, now: float) -> CircuitPermit | None:
        """Let a call through the circuit of `origin`; None if it may not pass now."""
        before = circuit.state
        permit = circuit.admit(now)
        if circuit.state is not before:
            self._tell(origin, before)
        return permit

    def settle(
        self, origin: Origin, permit: CircuitPermit, now: float, *, failed: bool | None
    ) -> None:
        """Say what became of a call.

        Args:
            origin: Where it went.
            permit: What it passed the circuit with.
            now: The moment.
            failed: Whether the service failed; None if nobody knows.
        """
        before = None if self._on_change is None else self.of(origin).state
        if failed is None:
            is_news = permit.cancelled()
        else:
            is_news = permit.failed(now) if failed else permit.succeeded(now)
        if before is not None:
            self._tell(origin, before)
        if is_news:
            wake(self.of(origin).line)

    def _tell(self, origin: Origin, before: CircuitState) -> None:
        """Tell of the circuit of `origin` if it is no longer what it was."""
        after = self.of(origin).state
        if self._on_change is not None and after is not before:
            self._on_change(origin, before.value, after.value, self.policy.open_for)

    def states(self) -> dict[str, str]:
        """What each circuit does with a call that asks now, by origin.

        Outside of a Trio run, where no call can ask, it is what it did with the last one.
        """
        now = trio.current_time() if trio.lowlevel.in_trio_run() else float("-inf")
        return {str(origin): each.state_at(now).value for origin, each in self._known.items()}
