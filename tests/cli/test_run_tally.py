import attrs
import pytest

from cli.run_files import answer, failure
from trio_groq._api.rate_limits import SeenRateLimits
from trio_groq.cli import _run_tally
from trio_groq.cli._run_requests import Tokens
from trio_groq.cli._run_results import Outcome
from trio_groq.cli._run_tally import Tally, duration, headroom
from trio_groq.errors import RateLimitWindow

NONE = RateLimitWindow()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (150, "2 min 30 s"), (3900, "1 h 5 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_headroom() -> None:
    requests = RateLimitWindow(limit=14_400, remaining=14_060)
    tokens = RateLimitWindow(limit=6000)
    seen = SeenRateLimits(requests=requests, tokens=tokens, age=1.0)
    assert headroom(seen) == "left: requests 14,060/14,400, tokens ?/6,000"
    assert headroom(SeenRateLimits(requests=NONE, tokens=NONE, age=1.0)) == ""
    assert headroom(None) == ""


def test_outcomes_are_counted() -> None:
    tally = Tally(10, 100.0, cost=0.0)
    tally.add(attrs.evolve(answer(prompt=3, completion=4), attempts=3), 0.5, 101.0)
    tally.add(failure(429), 0.0, 102.0)
    tally.add(failure(429), 0.0, 103.0)
    tally.add(Outcome(error=("APITimeoutError", "late"), attempts=0), 0.0, 104.0)
    tally.in_flight = 2
    assert (tally.done, tally.answered, tally.failed, tally.retries) == (4, 1, 3, 2)
    assert tally.tokens == Tokens(3, 4)
    assert tally.facts(104.0) == {
        "seconds": 4.0,
        "answered": 1,
        "failed": 3,
        "not_asked": 6,
        "retries": 2,
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "requests_per_second": 1.0,
        "cost": 0.5,
        "failures": {"429": 2, "APITimeoutError": 1},
    }
    assert tally.line(104.0, None) == (
        "4 s, 4 of 10, 3 failed, 2 in flight, 1.0/s, 7 tokens (2/s), cost 0.5000, ETA 6 s"
    )


def test_without_prices_nothing_is_said_of_cost() -> None:
    tally = Tally(1, 0.0)
    tally.add(answer(), 0.0, 1.0)
    assert tally.facts(1.0)["cost"] is None
    assert "cost" not in tally.line(1.0, None)


def test_the_rate_is_that_of_late() -> None:
    tally = Tally(1000, 0.0)
    assert (tally.rate(0.0), tally.eta(0.0)) == (0.0, None)
    assert tally.line(0.0, None).endswith("ETA ?")
    assert tally.facts(0.0)["requests_per_second"] is None
    for _ in range(5):
        tally.add(answer(), 0.0, 0.1)
    assert tally.rate(0.1) == 5.0
    for number in range(300):
        tally.add(answer(), 0.0, 100 + number / 10)
    assert tally.rate(129.9) == pytest.approx(10.0, rel=0.11)
    assert tally.eta(129.9) == pytest.approx(695 / tally.rate(129.9))
    assert tally.rate(300.0) == 0.0


def test_kinds_are_bounded() -> None:
    tally = Tally(1000, 0.0)
    for status in range(400, 440):
        tally.add(failure(status), 0.0, 0.0)
    tally.add(failure(400), 0.0, 0.0)
    assert len(tally.kinds) == _run_tally.MAX_KINDS + 1
    assert (tally.kinds["400"], tally.kinds["others"]) == (2, 8)
