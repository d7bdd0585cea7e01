"""The tool loop: a model is asked, its calls are run, it is told the results, until it answers.

The calls of one answer run side by side in a nursery, in tasks that end before the step does:
whoever cancels the run cancels them. A plain function runs in a worker thread, which cannot be
interrupted: cancelling waits for it, or abandons it (see `ToolOptions`).
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias, final

import trio

from trio_groq._api.tool_calls import PreparedCall, ToolResult, ToolSet, failed, succeeded
from trio_groq._api.tool_steps import StepPlan, ToolOptions, ToolRun, ToolSteps
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chat_tools import ChatCompletionToolParam

__all__ = ["Tool", "ToolRunner", "run_tools"]

Tool: TypeAlias = Callable[..., Any] | ChatCompletionToolParam
"""A function, or a tool as the API has it."""


@final
class ToolRunner:
    """Runs the calls of one step after the other, as many at a time as is allowed."""

    def __init__(self, options: ToolOptions) -> None:
        self._options = options
        self._limiter = trio.CapacityLimiter(options.max_parallel)

    async def run(self, plan: StepPlan) -> list[ToolResult]:
        """The results of all calls of a step, in their order.

        Raises:
            Exception: What the first function that failed raised, when the caller is told. The
                others have been cancelled; what they raised then is in its notes.
        """
        results: dict[int, ToolResult] = {}
        failures: list[tuple[PreparedCall, Exception]] = []
        limiter = self._limiter

        async def run_one(place: int, prepared: PreparedCall) -> None:  # noqa: ASYNC910 (a task)
            try:
                value = await self._call(prepared)
                results[place] = succeeded(prepared, value)
            except Exception as error:  # noqa: BLE001 (whatever a function raises is told)
                if self._options.on_tool_error == "return":
                    results[place] = failed(prepared.call, error)
                else:
                    failures.append((prepared, error))
                    nursery.cancel_scope.cancel()
            finally:
                limiter.release_on_behalf_of(prepared)

        async with trio.open_nursery() as nursery:
            for place, prepared in plan.prepared.items():
                # Taken here and not in the task, so that the calls begin in their order.
                await limiter.acquire_on_behalf_of(prepared)
                nursery.start_soon(run_one, place, prepared)
        if failures:
            raise _first_of(failures)
        return plan.with_results(results)

    async def _call(self, prepared: PreparedCall) -> object:
        tool = prepared.tool
        if tool.is_async:
            return await tool.function(**prepared.arguments)
        make = partial(tool.function, **prepared.arguments)
        # In a tuple: a plain function may wrap an async one, which Trio takes for a mistake.
        (value,) = await trio.to_thread.run_sync(
            lambda: (make(),), abandon_on_cancel=self._options.abandon_on_cancel
        )
        return await value if inspect.isawaitable(value) else value


def _first_of(failures: Sequence[tuple[PreparedCall, Exception]]) -> Exception:
    """What to raise for failures, the first of which came first."""
    (prepared, error), *others = failures
    if isinstance(error, StopAsyncIteration):  # to whoever iterates, it would be the end
        stop = RuntimeError(f"{prepared.tool.name} raised StopAsyncIteration")
        stop.__cause__ = error
        error = stop
    error.add_note(
        f"Raised by the tool {prepared.tool.name}, called with {prepared.arguments!r:.200}"
    )
    for other, more in others:
        error.add_note(f"Then raised by {other.tool.name}: {type(more).__name__}: {more}")
    return error


async def run_tools(
    create: Callable[..., Awaitable[ChatCompletion]],
    tools: Iterable[Tool],
    options: ToolOptions,
    params: Mapping[str, Any],
) -> ToolRun:
    """Ask a model and run the tools that it calls, until it answers.

    Args:
        create: Sends a request, given its parameters by name.
        tools: What the model may call.
        options: How the tools are run.
        params: The parameters of the first request, without `tools`, and the options of each.

    Raises:
        InvalidRequestError: A tool or a parameter is not valid; nothing was sent.
        MaxStepsError: The model still called tools in the last step.
        APIError: A request failed.

    Cancelled, it has no tool running, except for threads that are abandoned on request.
    """
    steps = ToolSteps(ToolSet(tools), params, options)
    runner = ToolRunner(options)
    while True:
        plan = steps.take(await create(**steps.request()))
        run = steps.finish(plan, await runner.run(plan))
        if run is not None:
            return run
