"""`chat.completions` with tools that are Python functions."""

# ruff: noqa: PLC0415 (tools load at their first use)

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias, Unpack

from trio_groq._api.requests import HeaderOptions, QueryOptions
from trio_groq._api.retry import RetryOption
from trio_groq._api.tool_limits import MAX_PARALLEL, MAX_STEPS, OnToolError
from trio_groq._call import NOT_GIVEN, NotGiven
from trio_groq._http.deadlines import TimeoutOption
from trio_groq.resources._base import Resource, collect
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chat_params import ChatCompletionToolRunParams

if TYPE_CHECKING:
    from trio_groq._api.tool_steps import ToolRun
    from trio_groq._stream import ChatStream
    from trio_groq._tool_loop import Tool
    from trio_groq._tool_stream import ToolStream

__all__ = ["Asks", "Streams", "ToolMethods"]

Asks: TypeAlias = Callable[..., Awaitable[ChatCompletion]]
"""`create`."""
Streams: TypeAlias = Callable[..., "ChatStream"]
"""`stream`."""


class ToolMethods(Resource, ABC):
    """The part of `ChatCompletions` that runs tools."""

    @abstractmethod
    def _for_tools(self) -> tuple[Asks, Streams]:
        """`create` and `stream`, which ask the model."""

    async def run_tools(
        self,
        *,
        tools: "Iterable[Tool]",
        max_steps: int = MAX_STEPS,
        max_parallel: int = MAX_PARALLEL,
        on_tool_error: OnToolError = "return",
        abandon_on_cancel: bool = False,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[ChatCompletionToolRunParams],
    ) -> "ToolRun":
        """Have a model answer with the help of Python functions, which are called for it.

        Each step asks the model; the functions that it wants called run in a nursery, and their
        results go into the next step, until it answers without any. A `tool_choice` that forces a
        call holds for the first step only.

        Args:
            tools: Functions, sync ones (run in worker threads) or async ones, whose type hints and
                docstrings tell the model how to call them; or tools as dicts, as for `create`.
            max_steps: Times that the model is asked, at the most; 1 or more.
            max_parallel: Functions of one step that run at once; 1 or more.
            on_tool_error: `return` gives a function's exception, and a call that is wrong, back to
                the model; `raise` raises it here.
            abandon_on_cancel: Whether a cancellation leaves functions in worker threads behind;
                else it waits for them.
            extra_headers: As for `create`, and so are all others, for each step.
            extra_query: See there.
            extra_body: See there.
            timeout: See there.
            max_retries: See there.
            params: See there.

        Returns:
            The last completion, and the whole conversation.

        Raises:
            InvalidRequestError: A function cannot be described, or a parameter is not valid.
            MaxStepsError: The model still wants tools after the last step; has the run so far.
            APIError: A step failed: see the error tree.
        """
        from trio_groq._api.tool_steps import ToolOptions
        from trio_groq._tool_loop import run_tools

        options = ToolOptions(
            max_steps=max_steps,
            max_parallel=max_parallel,
            on_tool_error=on_tool_error,
            abandon_on_cancel=abandon_on_cancel,
        )
        call = collect(extra_headers, extra_query, extra_body, timeout, max_retries)
        create, _ = self._for_tools()
        return await run_tools(create, tools, options, {**params, **call})

    def stream_tools(
        self,
        *,
        tools: "Iterable[Tool]",
        max_steps: int = MAX_STEPS,
        max_parallel: int = MAX_PARALLEL,
        on_tool_error: OnToolError = "return",
        abandon_on_cancel: bool = False,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[ChatCompletionToolRunParams],
    ) -> "ToolStream":
        """As `run_tools`, showing each step while it happens.

        Args:
            tools: As for `run_tools`, and so are all others.
            max_steps: See there.
            max_parallel: See there.
            on_tool_error: See there.
            abandon_on_cancel: See there.
            extra_headers: See there.
            extra_query: See there.
            extra_body: See there.
            timeout: See there.
            max_retries: See there.
            params: See there.

        Returns:
            A stream of events, for `async with`: what the model writes, each call of a function and
            its result, each step's end. It has no task of its own: iterating runs it.

        Raises:
            InvalidRequestError: A function cannot be described, or an option is not valid.
        """
        from trio_groq._api.tool_steps import ToolOptions
        from trio_groq._tool_stream import ToolStream

        options = ToolOptions(
            max_steps=max_steps,
            max_parallel=max_parallel,
            on_tool_error=on_tool_error,
            abandon_on_cancel=abandon_on_cancel,
        )
        call = collect(extra_headers, extra_query, extra_body, timeout, max_retries)
        _, stream = self._for_tools()
        return ToolStream(stream, tools, options, {**params, **call})
