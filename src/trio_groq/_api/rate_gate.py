"""After a 429: which call for the model may go next, and when. Sans-IO.

As long as a model has refused nothing, nothing here holds a call back. Its first 429 closes the
gate for all calls of that model, and begins this round, which each further 429 begins anew:

1. *Closed* until the moment that the server named, the latest where several were named, and at
   least for one round trip of a refused call, so that the fate of the others is known by then.
2. The *rate* is learned. What was let through and not refused was granted. In a burst, that is so
   much for the time from its beginning to the reopening: as the server grants nothing more before
   that moment, this holds for a fixed window and for a bucket that refills. After a while of
   steady traffic, the rate that was kept up until then was only a little too high: a tenth less.
   One rate that had proved itself is not given up for one bad measurement: half of it is kept.
   All this says how fast the server is only if it was asked for more than it gives: if calls were
   held back, or were many. A few calls that went as they came say how slow the client was, and so
   no rate is made of them: the slow start alone holds the next ones back, and if these are refused
   again, they were pushed, and are measured.
3. A *slow start*: one call in flight, and one more with each answer while that many are made use
   of, so that they double in each round trip; and never faster than the rate. The calls go in
   the order of their arrival, one that was refused in the place that it had.
4. The rate *grows* as long as calls have to wait for it: slowly at first, as it is about right,
   and faster with the time in which nothing was refused, as the limit may be another by now. A
   rate that few grants speak for is no more than a guess, and may grow in large steps.

A model is forgotten when for a minute nobody was refused and nobody waited.

With `cold_start`, a model that is new begins with a slow start as well, with so many calls in
flight: a burst of calls then meets an unknown limit step by step, and not all at once. It only
binds if more are in flight; while it does and answers are long in coming, it doubles each second.

Every step is O(log n) in the calls that wait. The numbers were chosen by simulation of servers
that grant 50 requests a second by either rule (`tests/_api/test_rate_gate_storm.py`).
"""

import math
from collections import OrderedDict
from typing import Final, final

from trio_groq._api.line import Line, Waiter
from trio_groq._api.rolling import RollingCount

__all__ = ["RateGate", "RatePermit"]

MAX_MODELS: Final = 128
"""Models remembered; the API has some twenty. The one unused for longest is forgotten first,
unless calls wait for it."""
MEASURED: Final = 10.0
"""Seconds of the past that a rate is measured over."""
FORGET_AFTER: Final = 60.0
"""Seconds: the longest window that the API states a limit for, except the day."""
RELIEF: Final = 1.0
"""Seconds after which a slow start doubles although no answer came: a refusal is never so slow,
but a completion is."""
COLD_GROWTH: Final = 0.5
"""Calls more in flight with each answer in a cold start: where half of its calls are granted
before the first is refused, half of the next ones are too many, not all of them."""
SLOWEST_REFUSAL: Final = 1.0
"""Seconds: what takes longer to be refused waited elsewhere, and is no round trip."""
LEAST_CLOSED: Final = 0.02
"""Seconds: a server's clock and ours differ by more than the fractions that waits are rounded to,
and whoever is the first in line must not be refused again and again for that."""
CATCH_UP: Final = 0.02
"""Seconds by which a turn may have been missed and is made up for: timers are late by less."""
PROVED: Final = 20
"""Calls granted at a rate, one after the other, by which it has proved itself."""
MANY: Final = 20
"""Calls sent in `MEASURED` seconds without being held back that are taken for all that the server
grants. A limit that fewer of them meet is met again in the slow start, and measured there."""
STEADY: Final = 5.0
"""Seconds: so many calls, over so long a time, were no burst."""
LONGEST_WINDOW: Final = 60.0
"""Seconds of a closed gate that count in measuring a rate. A wait of hours is for a limit by the
day, and says nothing of how fast calls may go after it."""
LONGEST_CLOSED: Final = 600.0
"""Seconds after which a call asks again, whatever the server named, unless calls may wait longer
than that. Limits by the day last for hours, and one call in ten minutes is little to pay for not
believing a wrong word for a month."""
LESS: Final = 0.9
"""What is left of a rate that had proved itself, and was too high in the end."""
MORE: Final = 1.25
"""A proved rate is taken for at most so much more than what was measured: the time in which the
gate was closed is measured, too, and makes it look slower than it was."""
GROWTH: Final = 0.001
"""Growth of the rate in a second, for each second since the last refusal: 1.3% in all after five
seconds, a tenth after fourteen, and sixfold after a minute."""
FIRST_GROWTH: Final = 0.005
"""Growth with one grant, at the most: a slow rate takes twenty grants for a tenth, and so one call
in twenty is refused in finding out. With each twenty more the limit is less likely to be near, and
this doubles, up to `MOST_GROWTH`."""
MOST_GROWTH: Final = 0.1
GUESSED_GROWTH: Final = 0.5
"""The same for a rate that was measured on one grant; on more, it is divided by their number, and
from `MANY` on it is `FIRST_GROWTH`. They are counted over all measurements in a row that agree,
within a factor of two."""


@final
class RatePermit:
    """The right to send one call now. Settled once: later settlements change nothing."""

    __slots__ = ("_epoch", "_granted_by", "_is_paced", "_model", "_sent_at")

    def __init__(self, model: "_Model", now: float, *, is_paced: bool) -> None:
        self._granted_by: _Model | None = None
        self._model: _Model | None = model
        self._epoch = model.epoch
        self._sent_at = now
        self._is_paced = is_paced

    @property
    def is_current(self) -> bool:
        """Whether the model has refused nothing since it was given."""
        model = self._model
        return model is not None and self._epoch == model.epoch and not model.is_closed

    def granted(self, now: float) -> Line | None:
        """The server answered the call, with success or with an error of another kind.

        Returns:
            The line whose head may go earlier now, None if there is none.
        """
        model, self._model = self._model, None
        if model is None:
            return None
        self._granted_by = model
        if self._epoch != model.epoch:
            return None
        model.grant(now, is_paced=self._is_paced)
        return model.line or None

    def taken_back(self, now: float, wait: float) -> None:
        """What was granted is refused after all: the answer itself says so.

        Args:
            now: The moment.
            wait: See `refused`. How long the refusal took is no round trip, and does not count.
        """
        model, self._granted_by = self._granted_by, None
        if model is None:
            return
        if self._epoch == model.epoch:
            model.in_flight += 1  # it had been counted out
        model.refuse(self._epoch, now, now + min(max(wait, LEAST_CLOSED), model.longest))

    def void(self) -> Line | None:
        """The call was cancelled or lost: nobody knows what the server thought of it.

        Returns:
            See `granted`.
        """
        model, self._model = self._model, None
        if model is None or self._epoch != model.epoch:
            return None
        model.lose()
        return model.line or None

    def refused(
        self, now: float, wait: float, *, is_named: bool = True, longest: float = 0.0
    ) -> bool:
        """The server answered 429.

        Args:
            now: The moment.
            wait: Seconds to wait, 0 or more.
            is_named: Whether it is the server that says so.
            longest: Seconds that the caller accepts: it is not to come back before that, even if
                the gate would believe no such wait.

        Returns:
            Whether calls of the model wait now; not if it had been settled before.
        """
        model, self._model = self._model, None
        if model is not None:
            trip = max(LEAST_CLOSED, min(now - self._sent_at, SLOWEST_REFUSAL))
            if is_named:
                model.named_at = max(model.named_at, now + wait)
            longest = max(longest, model.longest)
            model.refuse(self._epoch, now, now + min(max(wait, trip), longest))
        return model is not None


@final
class _Model:
    """What is known of one model.

    Attributes:
        line: The calls that wait.
        longest: Seconds that it stays closed at the most.
        is_free: Whether nothing holds its calls back.
        epoch: Number of the round; a permit of an earlier one says nothing of this one.
        in_flight: Calls let through in this round whose fate is unknown.
        is_closed: Whether the round ended with a refusal, and the next is not begun.
        opens_at: When it may begin, at the earliest.
        named_at: The latest moment that the server named; -infinity if it named none.
        rate: Calls a second, infinity while unknown.
    """

    __slots__ = (
        "_closed_at",
        "_evidence",
        "_granted",
        "_held_at",
        "_is_held",
        "_is_paced",
        "_next_at",
        "_opened_at",
        "_proofs",
        "_relief_at",
        "_sent",
        "_since",
        "_tried",
        "_trusted",
        "_window",
        "epoch",
        "in_flight",
        "is_closed",
        "is_free",
        "line",
        "longest",
        "named_at",
        "opens_at",
        "rate",
    )

    opens_at: float

    def __init__(self, window: float, longest: float) -> None:
        self.line: Final = Line()
        self.longest: Final = longest
        self._sent: Final = RollingCount(MEASURED)
        self.epoch: int = 0
        self.begin_anew(window)

    def begin_anew(self, window: float) -> None:
        """Nothing is known (any more)."""
        self.is_free: bool = window == math.inf
        self.opens_at = self._held_at = self._closed_at = self._since = -math.inf
        self.named_at: float = -math.inf
        self.rate: float = math.inf
        self._evidence = 0
        self._trusted = False
        self._begin_round(-math.inf, window)

    def _begin_round(self, now: float, window: float) -> None:
        self.epoch += 1
        self.is_closed: bool = False
        self.in_flight: int = 0
        self._sent.clear()
        self._granted = 0
        self._proofs = 0
        self._is_paced = False
        self._is_held = False
        self._tried = 0
        self._window = window
        self._relief_at = math.inf
        self._next_at = self._opened_at = now

    def is_over(self, now: float) -> bool:
        """Whether what is known has not mattered for long."""
        last = max(self._held_at, self.opens_at)
        return not self.line and now - last >= FORGET_AFTER and self._closed_at > -math.inf

    def turn(self, now: float) -> float:
        """When the next call may go if nothing happens until then: `now` or earlier for at once."""
        if self.is_closed and now >= self.opens_at:
            self._open(now)
        at = self.opens_at
        if not self.is_closed:
            # The moment counts here, too: one that was refused late may have named it since.
            at = max(at, self._next_at, self._window_at(now))
        if at > now:
            self._held_at = now
            self._is_paced = at == self._next_at
            self._is_held = self._is_held or not self.is_closed
        return at

    def _window_at(self, now: float) -> float:
        if self.in_flight >= self._window and now >= self._relief_at:
            self._window *= 2
            self._relief_at = math.inf
        if self.in_flight < self._window:
            return now
        if self._relief_at == math.inf:
            self._relief_at = now + RELIEF
        return self._relief_at

    def let_through(self, now: float) -> RatePermit:
        """A call goes."""
        is_paced, self._is_paced = self._is_paced, False
        self._sent.add(now)
        self.in_flight += 1
        if not self.is_free:
            self._next_at = max(self._next_at, now - CATCH_UP) + 1 / self.rate
            self._relief_at = math.inf
        return RatePermit(self, now, is_paced=is_paced)

    def grant(self, now: float, *, is_paced: bool) -> None:
        """A call of this round was granted."""
        # A window that was not made use of proves nothing.
        if 2 * self.in_flight >= self._window:
            self._window += COLD_GROWTH if self._closed_at == -math.inf else 1
        self.in_flight -= 1
        if is_paced:
            self.rate += min(GROWTH * (now - self._opened_at), self._most_growth() * self.rate)
            self._proofs += 1

    def _most_growth(self) -> float:
        if self._evidence < MANY:
            return GUESSED_GROWTH / max(1, self._evidence)
        return min(FIRST_GROWTH * 2 ** (self._proofs / PROVED), MOST_GROWTH)

    def lose(self) -> None:
        """A call of this round ended without an answer."""
        self.in_flight -= 1
        self._granted -= self.is_closed

    def refuse(self, epoch: int, now: float, until: float) -> None:
        """A call of the round `epoch` was refused."""
        self.opens_at = max(self.opens_at, until)
        if epoch != self.epoch:
            return
        if not self.is_closed:
            self.is_closed = True
            self.is_free = False
            self._closed_at = now
            self._since = self._sent.first(now)
            self._granted = self._tried = self._sent.total(now)
        self.in_flight -= 1
        self._granted -= 1

    def _open(self, now: float) -> None:
        measured = self._measured()
        if self._proofs >= PROVED and measured:
            self._set_rate(max(measured, min(self.rate * LESS, measured * MORE)))
            self._trusted = True
        elif measured and (self._is_held or self._tried >= MANY):
            self._set_rate(max(measured, self.rate / 2) if self._trusted else measured)
            self._trusted = False
        elif not measured and self._closed_at - self._opened_at < MEASURED:
            self.rate = max(self.rate / 2, min(self.rate, 1 / self._elapsed()))
            self._evidence //= 2
            self._trusted = False
        self._begin_round(now, 1.0)

    def _measured(self) -> float:
        """Calls a second that were granted in the round that has ended, 0 for none."""
        if self._granted <= 0:
            return 0.0
        asked = self._closed_at - self._since
        if not self._is_held and asked >= STEADY:
            return LESS * self._granted / asked
        return self._granted / self._elapsed()

    def _elapsed(self) -> float:
        """Seconds of that round, above 0: a gate is never closed for less than `LEAST_CLOSED`."""
        return min(self.opens_at, self._closed_at + LONGEST_WINDOW) - self._since

    def _set_rate(self, rate: float) -> None:
        agrees = self.rate / 2 <= rate <= 2 * self.rate
        self._evidence = self._granted + (self._evidence if agrees else 0)
        self.rate = rate


@final
class RateGate:
    """See the top of this file. `now` is any clock in seconds that never goes back.

    Args:
        cold_start: Calls in flight to a model of which nothing is known yet, 1 or more; None for
            any number.
        longest: Seconds after which a call asks again, whatever the server named.
    """

    __slots__ = ("_longest", "_models", "_window")

    def __init__(self, *, cold_start: int | None = None, longest: float = LONGEST_CLOSED) -> None:
        self._longest: Final = longest
        self._window: Final = math.inf if cold_start is None else float(cold_start)
        self._models: OrderedDict[str, _Model] = OrderedDict()

    def try_enter(self, model: str, now: float) -> RatePermit | None:
        """Let a call through if nothing holds it back; else it is to `join` the line."""
        known = self._model(model)
        if not known.is_free:
            if known.is_over(now):
                known.begin_anew(self._window)
            if known.line or known.turn(now) > now:
                return None
        return known.let_through(now)

    def join(self, model: str, place: int) -> Waiter:
        """A call begins to wait; it is to `poll`.

        Args:
            model: Which line.
            place: The call's number, in order of arrival; the same when it comes again.
        """
        return self._model(model).line.join(place)

    def poll(self, model: str, waiter: Waiter, now: float) -> RatePermit | float:
        """Ask for a waiter.

        Returns:
            The permit, for which it has left the line (the next head is to ask then); else the
            moment to ask again, infinity for one that is to wait until it is the head.
        """
        if waiter.line.head is not waiter:
            return math.inf
        known = self._model(model)
        at = known.turn(now)
        if at > now:
            return at
        waiter.line.leave(waiter)
        return known.let_through(now)

    def opens_at(self, model: str) -> float:
        """When calls of the model may go again, maybe past; -infinity if it never refused one."""
        known = self._models.get(model)
        return -math.inf if known is None else known.opens_at

    def named(self, model: str, now: float) -> float | None:
        """Seconds until the moment that the server named; None if no such moment closes the gate.

        That may be later than `opens_at`, which believes no wait of days.
        """
        known = self._models.get(model)
        if known is None or known.opens_at <= now or known.named_at <= now:
            return None
        return known.named_at - now

    def rates(self) -> dict[str, float]:
        """Calls a second, by model, of those whose rate is known."""
        return {name: each.rate for name, each in self._models.items() if each.rate < math.inf}

    def _model(self, name: str) -> _Model:
        known = self._models.get(name)
        if known is None:
            known = self._models[name] = _Model(self._window, self._longest)
            self._forget_others()
        else:
            self._models.move_to_end(name)
        return known

    def _forget_others(self) -> None:
        # Those that calls wait for are as many as these calls at the most.
        for name, known in list(self._models.items())[: max(0, len(self._models) - MAX_MODELS)]:
            if not known.line:
                del self._models[name]
