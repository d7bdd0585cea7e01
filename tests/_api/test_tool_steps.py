"""A run of tools, step by step, without any I/O."""

from typing import Any

import pytest

from trio_groq._api.tool_calls import ToolResult, ToolSet, succeeded
from trio_groq._api.tool_steps import StepPlan, ToolOptions, ToolRun, ToolSteps
from trio_groq.errors import APIResponseValidationError, InvalidRequestError, MaxStepsError
from trio_groq.types.chat import (
    ChatCompletion,
    ChatCompletionMessage,
    ChatCompletionMessageToolCall,
    Choice,
    FunctionCall,
)
from trio_groq.types.usage import CompletionTokensDetails, CompletionUsage

ASK: dict[str, Any] = {
    "model": "llama-3.3-70b-versatile",
    "messages": [{"role": "user", "content": "Hello"}],
}
CALLERS: Any = {"type": "function", "function": {"name": "ask_user"}}


def double(number: int) -> int:
    return 2 * number


def answer(
    *calls: tuple[str, str], usage: CompletionUsage | None = None, content: str | None = None
) -> ChatCompletion:
    made = [
        ChatCompletionMessageToolCall(
            id=f"call_{index}", function=FunctionCall(name=name, arguments=arguments)
        )
        for index, (name, arguments) in enumerate(calls)
    ]
    message = ChatCompletionMessage(content=content, tool_calls=made or None)
    return ChatCompletion(choices=[Choice(message=message)], usage=usage)


def new_steps(*tools: Any, **rest: Any) -> ToolSteps:
    names = ("max_steps", "on_tool_error")
    options = ToolOptions(**{name: rest.pop(name) for name in names if name in rest})
    return ToolSteps(ToolSet(tools or [double]), {**ASK, **rest}, options)


def results_of(plan: StepPlan) -> list[ToolResult]:
    made = {
        place: succeeded(prepared, prepared.tool.function(**prepared.arguments))
        for place, prepared in plan.prepared.items()
    }
    return plan.with_results(made)


def step(steps: ToolSteps, completion: ChatCompletion) -> ToolRun | None:
    plan = steps.take(completion)
    return steps.finish(plan, results_of(plan))


def tool_message(index: int, content: str) -> dict[str, str]:
    return {"role": "tool", "tool_call_id": f"call_{index}", "content": content}


def test_a_run() -> None:
    steps = new_steps(temperature=0.5)
    tools = ToolSet([double]).params
    assert steps.request() == {**ASK, "temperature": 0.5, "tools": tools}

    first = answer(("double", '{"number": 1}'), ("double", '{"number": 2}'))
    assert step(steps, first) is None
    transcript = [
        *ASK["messages"],
        first.choices[0].message,
        tool_message(0, "2"),
        tool_message(1, "4"),
    ]
    assert steps.request() == {**ASK, "temperature": 0.5, "tools": tools, "messages": transcript}
    assert steps.messages[1] is first.choices[0].message

    last = answer(content="2 and 4")
    run = step(steps, last)
    assert run is not None
    assert run.completion is last
    assert run.messages == [*transcript, last.choices[0].message]
    assert [each.completion for each in run.steps] == [first, last]
    assert [result.value for result in run.steps[0].results] == [2, 4]
    assert run.usage is None
    assert run.pending == ()
    assert len(ASK["messages"]) == 1


def test_the_messages_are_taken_as_they_are_now() -> None:
    given: list[Any] = [{"role": "user", "content": "Hello"}]
    steps = new_steps(messages=given)
    given.clear()
    assert steps.request()["messages"] == ASK["messages"]


@pytest.mark.parametrize("params", [{}, {"messages": None}, {"messages": "Hello"}])
def test_what_is_wrong_with_the_parameters_is_found_by_the_request(params: dict[str, Any]) -> None:
    steps = ToolSteps(ToolSet([]), params, ToolOptions())
    assert steps.request() == params  # no tools, either: the API takes no empty list


@pytest.mark.parametrize(
    ("given", "later"),
    [
        ("auto", "auto"),
        ("none", "none"),
        (None, None),
        ("required", "auto"),
        ({"type": "function", "function": {"name": "double"}}, "auto"),
    ],
)
def test_a_tool_must_be_called_only_once(given: Any, later: Any) -> None:
    steps = new_steps(tool_choice=given)
    assert steps.request()["tool_choice"] == given
    step(steps, answer(("double", '{"number": 1}')))
    assert steps.request()["tool_choice"] == later
    assert "tool_choice" not in new_steps().request()


def test_wrong_calls_are_answered_in_their_place() -> None:
    steps = new_steps()
    run = step(
        steps, answer(("treble", "{}"), ("double", '{"number": 2}'), ("double", '{"number": "2"}'))
    )
    assert run is None
    first, second, third = steps.steps[0].results
    assert first.content == "Error: tool call: expected one of the tools double, got 'treble'"
    assert second.content == "4"
    assert third.content.startswith("Error: arguments of double: expected arguments that fit")
    assert steps.messages[2:] == [
        tool_message(place, result.content) for place, result in enumerate((first, second, third))
    ]
    assert isinstance(first.error, APIResponseValidationError)


def test_wrong_calls_are_raised_before_anything_is_run() -> None:
    steps = new_steps(on_tool_error="raise")
    completion = answer(("double", '{"number": 2}'), ("treble", "{}"))
    with pytest.raises(APIResponseValidationError, match="got 'treble'") as caught:
        steps.take(completion)
    assert caught.value.partial is completion


def test_calls_that_the_caller_runs_end_the_run() -> None:
    steps = new_steps(double, CALLERS, max_steps=1)
    run = step(steps, answer(("double", '{"number": 2}'), ("ask_user", '{"q": "?"}')))
    assert run is not None
    assert [call.function.name for call in run.pending] == ["ask_user"]
    assert run.messages[2:] == [tool_message(0, "4")]


def test_an_answer_without_choices() -> None:
    completion = ChatCompletion()
    with pytest.raises(APIResponseValidationError, match="expected an answer") as caught:
        new_steps().take(completion)
    assert caught.value.partial is completion


def test_the_last_step() -> None:
    steps = new_steps(max_steps=2)
    asking = answer(("double", '{"number": 1}'), usage=CompletionUsage(total_tokens=3))
    assert step(steps, asking) is None
    with pytest.raises(MaxStepsError) as caught:
        step(steps, asking)
    assert str(caught.value) == "tools: expected an answer within 2 steps, got calls of double"
    assert caught.value.max_steps == 2
    run = caught.value.run
    assert isinstance(run, ToolRun)
    assert run.messages == steps.messages
    assert run.messages[-1] == tool_message(0, "2")  # answered: to be sent again
    assert len(run.steps) == 2
    assert run.completion is asking
    assert run.usage is not None
    assert run.usage.total_tokens == 6


def test_an_answer_in_the_last_step() -> None:
    steps = new_steps(max_steps=1)
    assert step(steps, answer(content="done")) is not None


def test_usage_is_summed_where_it_is_known() -> None:
    steps = new_steps()
    one = CompletionUsage(
        prompt_tokens=1,
        total_tokens=4,
        queue_time=0.5,
        completion_tokens_details=CompletionTokensDetails(reasoning_tokens=2),
    )
    two = CompletionUsage(
        prompt_tokens=10,
        total_tokens=20,
        total_time=1.0,
        completion_tokens_details=CompletionTokensDetails(reasoning_tokens=3),
    )
    for usage in (one, None, two):
        step(steps, answer(("double", '{"number": 1}'), usage=usage))
    run = step(steps, answer())
    assert run is not None
    assert run.usage == CompletionUsage(
        prompt_tokens=11,
        completion_tokens=0,
        total_tokens=24,
        queue_time=0.5,
        total_time=1.0,
        completion_tokens_details=CompletionTokensDetails(reasoning_tokens=5),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_steps": 0}, "max_steps: expected an integer >= 1, got 0"),
        ({"max_steps": True}, "max_steps: expected an integer >= 1, got True"),
        ({"max_parallel": 1.5}, "max_parallel: expected an integer >= 1, got 1.5"),
        ({"on_tool_error": "ignore"}, "on_tool_error: expected one of return, raise, got 'ignore'"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        ToolOptions(**options)
    assert str(caught.value) == message
    assert caught.value.path == next(iter(options))
