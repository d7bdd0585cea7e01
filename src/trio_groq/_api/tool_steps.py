"""A run of tools, step by step: what to ask next, what to call, and when it is over.

A step is one answer of the model with the results of the tools that it asked for. The run ends
with an answer that asks for none, or for one that only the caller can run; and, as an error, with
the results of the last step that was allowed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, final, get_args

import attrs
import msgspec

from trio_groq._api.tool_calls import PreparedCall, ToolResult, ToolSet, failed
from trio_groq._api.tool_limits import MAX_PARALLEL, MAX_STEPS, OnToolError
from trio_groq.errors import APIResponseValidationError, InvalidRequestError, MaxStepsError
from trio_groq.types.chat import ChatCompletion, ChatCompletionMessageToolCall
from trio_groq.types.chat_messages import ChatCompletionMessageParam
from trio_groq.types.usage import CompletionUsage

__all__ = ["StepPlan", "ToolOptions", "ToolRun", "ToolStep", "ToolSteps"]

_S = TypeVar("_S", bound=msgspec.Struct)

_FORCING: Final = "required"


def _at_least_one(_options: object, field: "attrs.Attribute[int]", value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _wrong(field.name, "an integer >= 1", value)


def _one_of(choices: object) -> Callable[[object, "attrs.Attribute[Any]", object], None]:
    def check(_options: object, field: "attrs.Attribute[Any]", value: object) -> None:
        if value not in get_args(choices):
            raise _wrong(field.name, f"one of {', '.join(get_args(choices))}", value)

    return check


def _wrong(name: str, expected: str, value: object) -> InvalidRequestError:
    message = f"{name}: expected {expected}, got {value!r:.80}"
    return InvalidRequestError(message, path=name, value=value)


@attrs.frozen(kw_only=True)
class ToolOptions:
    """How tools are run.

    Attributes:
        max_steps: Most answers of the model, 1 or more.
        max_parallel: Most tools that run at a time, 1 or more.
        on_tool_error: `return` to tell the model, so that it can try again or say so; `raise` to
            tell the caller.
        abandon_on_cancel: Whether a plain function is left running in its thread, and what it
            returns ignored, when it is cancelled. If not, cancelling waits for it.

    Raises:
        InvalidRequestError: One of them is not valid.
    """

    max_steps: int = attrs.field(default=MAX_STEPS, validator=_at_least_one)
    max_parallel: int = attrs.field(default=MAX_PARALLEL, validator=_at_least_one)
    on_tool_error: OnToolError = attrs.field(default="return", validator=_one_of(OnToolError))
    abandon_on_cancel: bool = False


@attrs.frozen(eq=False)
class ToolStep:
    """One answer of the model, and what came of the calls in it.

    Attributes:
        completion: The answer.
        results: One for each call that was made, in the order of the calls.
    """

    completion: ChatCompletion
    results: Sequence[ToolResult] = ()


@attrs.frozen(eq=False)
class ToolRun:
    """A run of tools.

    Attributes:
        completion: The last answer.
        messages: The whole conversation: what was given, every answer, every result. It can be
            sent again, with more messages behind it.
        steps: What happened.
        usage: What all answers cost together, None if none of them says so.
        pending: Calls of functions that were given as dicts, for the caller to run. Then the run
            is not over: answer each with a `tool` message at the end of `messages`, and run again.
    """

    completion: ChatCompletion
    messages: list[ChatCompletionMessageParam]
    steps: Sequence[ToolStep]
    usage: CompletionUsage | None = None
    pending: Sequence[ChatCompletionMessageToolCall] = ()


@attrs.frozen(eq=False)
class StepPlan:
    """What an answer asks for. Every call is in one of the three.

    Attributes:
        completion: The answer.
        prepared: Calls to make, by their place.
        results: Results that are known already, by place: of calls that are wrong.
        pending: Calls for the caller to make.
    """

    completion: ChatCompletion
    prepared: Mapping[int, PreparedCall]
    results: Mapping[int, ToolResult]
    pending: Sequence[ChatCompletionMessageToolCall]

    def with_results(self, results: Mapping[int, ToolResult]) -> list[ToolResult]:
        """All results in the order of the calls, once those of `prepared` are there."""
        known = {**self.results, **results}
        return [known[place] for place in sorted(known)]


@final
class ToolSteps:
    """The state of a run.

    `request`, `take` and `finish` are called in turn until `finish` returns a run, or raises.

    Args:
        tools: The tools.
        params: The parameters of the first request, without `tools`; checked when it is made.
        options: How the tools are run.

    Attributes:
        steps: The steps so far.
    """

    def __init__(self, tools: ToolSet, params: Mapping[str, Any], options: ToolOptions) -> None:
        given = params.get("messages")
        self._given: Any = list(given) if isinstance(given, list | tuple) else given
        self._params = {name: params[name] for name in params if name != "messages"}
        self._has_messages = "messages" in params
        self._tools = tools
        self._options = options
        self._added: list[ChatCompletionMessageParam] = []
        self.steps: list[ToolStep] = []

    @property
    def messages(self) -> list[ChatCompletionMessageParam]:
        """The conversation so far."""
        return [*self._given, *self._added]

    def request(self) -> dict[str, Any]:
        """The parameters of the next request.

        A tool that must be called is called in the first step only. After it the model is free to
        answer, or it would never do so.
        """
        params = dict(self._params)
        if self._has_messages:
            params["messages"] = self.messages if self._added else self._given
        if self._tools.params:
            params["tools"] = self._tools.params
        choice = params.get("tool_choice")
        if self.steps and (choice == _FORCING or isinstance(choice, Mapping)):
            params["tool_choice"] = "auto"
        return params

    def take(self, completion: ChatCompletion) -> StepPlan:
        """Read an answer.

        Raises:
            APIResponseValidationError: There is no answer in it; or, when the caller is told of
                errors, a call in it names no tool or has wrong arguments. No tool has been run.
        """
        if not completion.choices:
            got = "choices: expected an answer, got none"
            raise APIResponseValidationError(got, partial=completion)
        message = completion.choices[0].message
        self._added.append(message)
        prepared: dict[int, PreparedCall] = {}
        results: dict[int, ToolResult] = {}
        pending: list[ChatCompletionMessageToolCall] = []
        for place, call in enumerate(message.tool_calls or ()):
            if self._tools.is_callers(call):
                pending.append(call)
                continue
            try:
                prepared[place] = self._tools.prepare(call)
            except APIResponseValidationError as error:
                error.partial = completion
                if self._options.on_tool_error == "raise":
                    raise
                results[place] = failed(call, error)
        return StepPlan(completion, prepared, results, pending)

    def finish(self, plan: StepPlan, results: Sequence[ToolResult]) -> ToolRun | None:
        """Take the results of a step's tools.

        Args:
            plan: What `take` returned.
            results: All of them, in the order of the calls.

        Returns:
            The run if it is over, None if the model is to be asked again.

        Raises:
            MaxStepsError: It may not be asked again.
        """
        self.steps.append(ToolStep(plan.completion, tuple(results)))
        self._added.extend(result.message for result in results)
        if plan.pending or not results:
            return self._run(plan)
        allowed = self._options.max_steps
        if len(self.steps) >= allowed:
            calls = ", ".join(result.call.function.name for result in results)
            message = f"tools: expected an answer within {allowed} steps, got calls of {calls}"
            raise MaxStepsError(message, max_steps=allowed, run=self._run(plan))
        return None

    def _run(self, plan: StepPlan) -> ToolRun:
        usages = [step.completion.usage for step in self.steps]
        return ToolRun(
            completion=plan.completion,
            messages=self.messages,
            steps=tuple(self.steps),
            usage=_sum(usages),
            pending=tuple(plan.pending),
        )


def _sum(records: Iterable[_S | None]) -> _S | None:
    """The sum of records of numbers, field by field; what is missing counts for nothing."""
    there = [record for record in records if record is not None]
    if not there:
        return None
    total: dict[str, Any] = {}
    for name in there[0].__struct_fields__:
        values = [value for each in there if (value := getattr(each, name)) is not None]
        if values and isinstance(values[0], msgspec.Struct):
            total[name] = _sum(values)
        else:
            total[name] = sum(values) if values else None
    return type(there[0])(**total)
