import pytest

from cli.run_files import request
from trio_groq.cli import _run_ledger
from trio_groq.cli._output import UsageFailure
from trio_groq.cli._run_ledger import Ledger, State
from trio_groq.cli._run_results import Entry
from trio_groq.errors import InvalidRequestError


def entry(custom_id: str, text: str = "Hello") -> Entry:
    return Entry(custom_id, request(custom_id, text).digest)


@pytest.fixture
def ledger() -> Ledger:
    """`a` was answered, `f` failed, `g` failed and was answered, `x` failed twice."""
    ledger = Ledger()
    for custom_id in ("f", "g", "x", "x"):
        ledger.add_failure(entry(custom_id))
    for custom_id in ("a", "g"):
        ledger.add_answer(entry(custom_id))
    return ledger


def test_what_the_files_say(ledger: Ledger) -> None:
    assert (len(ledger), ledger.unmet, ledger.superseded) == (4, 4, 2)
    states = {each: ledger.meet(request(each)) for each in ("a", "f", "g", "x", "n")}
    assert states == {
        "a": State.ANSWERED,
        "f": State.FAILED,
        "g": State.ANSWERED,
        "x": State.FAILED,
        "n": State.OPEN,
    }
    assert (len(ledger), ledger.unmet) == (5, 0)


def test_two_answers_to_one_request(ledger: Ledger) -> None:
    with pytest.raises(
        UsageFailure, match="expected one answer to each request, got another to 'a'"
    ):
        ledger.add_answer(entry("a"))


def test_a_name_that_is_anothers(ledger: Ledger) -> None:
    ledger.meet(request("n", line=3))
    with pytest.raises(
        InvalidRequestError,
        match=r"^line 5: custom_id: expected one of its own, got 'n' as in line 3$",
    ):
        ledger.meet(request("n", line=5))


@pytest.mark.parametrize("custom_id", ["a", "f"])
def test_a_request_that_has_changed(ledger: Ledger, custom_id: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"got '{custom_id}' with another request$"):
        ledger.meet(request(custom_id, "other"))
    assert ledger.keeps_answer(entry(custom_id))
    ledger.unmet += 1
    assert ledger.meet(request(custom_id, "other"), force=True) is State.OPEN
    assert ledger.stale == 1
    assert not ledger.keeps_answer(entry(custom_id))
    assert ledger.keeps_answer(entry(custom_id, "other"))


def test_what_is_taken_is_taken_once(ledger: Ledger) -> None:
    for custom_id in ("a", "f", "n"):
        ledger.meet(request(custom_id))
    assert not ledger.take(request("a"), State.OPEN)
    assert not ledger.take(request("f"), State.OPEN)
    assert ledger.take(request("n"), State.OPEN)
    assert ledger.take(request("f"), State.FAILED)
    assert not ledger.take(request("a"), State.FAILED)


def test_an_input_that_changes_while_it_is_read(ledger: Ledger) -> None:
    ledger.meet(request("n"))
    assert ledger.take(request("n"), State.OPEN)
    for changed in (request("n"), request("n", "other"), request("new")):
        with pytest.raises(InvalidRequestError, match="expected the input to stay as it was"):
            ledger.take(changed, State.OPEN)


def test_lines_that_may_go(ledger: Ledger) -> None:
    failures = [entry(each) for each in ("f", "g", "x", "x")]
    assert ledger.failures_kept(failures, [entry("a"), entry("g")]) == {0, 3}
    assert ledger.keeps_answer(entry("a"))
    assert not ledger.keeps_answer(entry("never heard of"))


def test_there_is_a_bound() -> None:
    ledger = Ledger(2)
    ledger.add_answer(entry("a"))
    ledger.meet(request("b"))
    ledger.meet(request("a"))
    for add in (ledger.add_failure, ledger.add_answer):
        with pytest.raises(
            InvalidRequestError, match=r"^run: expected at most 2 requests, got more"
        ):
            add(entry("c"))
    assert _run_ledger.MAX_REQUESTS >= 1_000_000


@pytest.mark.parametrize("line", [1, 2**40])
def test_lines_of_any_number(line: int) -> None:
    ledger = Ledger()
    ledger.meet(request("a", line=line))
    with pytest.raises(InvalidRequestError, match=f"as in line {line}$"):
        ledger.meet(request("a", line=7))
