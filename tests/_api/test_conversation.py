"""Whether a conversation holds together."""

from typing import Any

import pytest

from trio_groq._api.conversation import find_problems
from trio_groq.types import (
    ChatCompletionMessage,
    ChatCompletionMessageToolCall,
    FunctionCall,
)

UNANSWERED = (
    "messages[{}].tool_calls[0]: "
    "expected a `tool` message with tool_call_id 'a' after it, got nothing"
)
USER = {"role": "user", "content": "Hello"}


def asks(*ids: str | None) -> dict[str, Any]:
    calls = [{"id": id_, "type": "function", "function": {"name": "f"}} for id_ in ids]
    return {"role": "assistant", "tool_calls": calls}


def tells(id_: str | None) -> dict[str, Any]:
    return {"role": "tool", "content": "1", "tool_call_id": id_}


STRUCT = ChatCompletionMessage(
    role="assistant",
    tool_calls=[ChatCompletionMessageToolCall(id="a", function=FunctionCall(name="f"))],
)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [USER],
        [USER, asks("a"), tells("a")],
        [USER, asks("a", "b"), tells("b"), tells("a"), USER],
        [USER, asks("a"), tells("a"), asks("a"), tells("a")],
        [USER, STRUCT, tells("a")],
        [{"role": "system", "content": ""}, {"role": "narrator"}, USER],
        [USER, {"role": "assistant", "content": "x", "tool_calls": None}],
        [USER, {"role": "assistant", "content": "x", "tool_calls": []}],
    ],
)
def test_a_sound_conversation_has_no_problem(messages: list[object]) -> None:
    assert list(find_problems(messages)) == []


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (
            [USER, tells("a")],
            (
                "messages[1].tool_call_id: expected the id of a call that waits for its answer, "
                "got 'a'"
            ),
        ),
        (
            [USER, tells(None)],
            (
                "messages[1].tool_call_id: expected the id of a call that waits for its answer, "
                "got nothing"
            ),
        ),
        (
            [USER, asks("a"), tells("a"), tells("a")],
            (
                "messages[3].tool_call_id: expected the id of a call that waits for its answer, "
                "got 'a'"
            ),
        ),
        (
            [USER, asks("a"), USER],
            UNANSWERED.format(1),
        ),
        (
            [USER, STRUCT],
            UNANSWERED.format(1),
        ),
        (
            [asks("a"), USER, tells("a")],
            UNANSWERED.format(0),
        ),
        (
            [asks("a", "a"), tells("a")],
            "messages[0].tool_calls[1].id: expected an id of its own, got 'a'",
        ),
    ],
)
def test_what_does_not_hold_together_is_told(messages: list[object], said: str) -> None:
    assert str(next(find_problems(messages))) == said


def test_every_problem_is_found() -> None:
    problems = find_problems([asks("a", "b"), tells("c"), USER, tells("a")])
    assert [problem.path for problem in problems] == [
        "messages[1].tool_call_id",
        "messages[0].tool_calls[0]",
        "messages[0].tool_calls[1]",
        "messages[3].tool_call_id",
    ]
