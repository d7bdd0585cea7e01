"""What becomes of one request among many."""

import pytest

from trio_groq.errors import GroqError
from trio_groq.fanout import Outcome
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.meta import ResponseMeta

META = ResponseMeta(request_id="req_1", status=200, headers={})


class WithMeta:
    meta = META


def test_of_a_success() -> None:
    outcome: Outcome[str, WithMeta] = Outcome(index=3, request="q", value=WithMeta())
    assert outcome.ok
    assert outcome.meta is META
    assert outcome.unwrap() is outcome.value


@pytest.mark.parametrize("value", [None, 3, ChatCompletion()])
def test_of_values_that_know_of_no_response(value: object) -> None:
    outcome: Outcome[str, object] = Outcome(index=0, request="q", value=value)
    assert outcome.ok
    assert outcome.meta is None
    assert outcome.unwrap() is value


def test_of_a_failure() -> None:
    error = GroqError("no")
    outcome: Outcome[str, int] = Outcome(index=0, request="q", error=error)
    assert not outcome.ok
    assert outcome.meta is None
    with pytest.raises(GroqError) as caught:
        outcome.unwrap()
    assert caught.value is error
