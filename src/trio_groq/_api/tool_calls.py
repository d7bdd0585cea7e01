"""What a model asks of tools, and what it is told: calls become arguments, results become text.

A model may name a tool that does not exist and write arguments that do not fit. Neither is the
caller's fault, and the model may do better when it is told; so is what a tool raises.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, final

import attrs
import msgspec

from trio_groq._api.attrs_values import contains_attrs, new_structurer
from trio_groq._api.error_bodies import one_line
from trio_groq._api.parameters import encode_json
from trio_groq._api.tool_schemas import function_schema
from trio_groq.errors import APIResponseValidationError, InvalidRequestError
from trio_groq.types.chat import ChatCompletionMessageToolCall
from trio_groq.types.chat_messages import ChatCompletionToolMessageParam
from trio_groq.types.chat_tools import ChatCompletionToolParam

__all__ = ["FunctionTool", "PreparedCall", "ToolResult", "ToolSet", "failed", "succeeded"]

MAX_ERROR_CHARS: Final = 2_000
"""Most characters that the model is told of an error: enough for a message, too few for a page of
HTML that somebody put into one."""
MAX_LISTED_ERRORS: Final = 5
"""Most errors of a group that the model is told."""

_NO_ARGUMENTS: Final = "{}"


@final
class FunctionTool:
    """A function that a model may have called.

    Args:
        function: See `function_schema`.
        path: What messages call the parameter.

    Attributes:
        function: The function.
        is_async: Whether calling it gives something to await. A plain function may block.
        name: Its name.
        param: As it is sent; not to be changed.

    Raises:
        InvalidRequestError: No definition can be made of it.
    """

    __slots__ = ("_decoder", "_structure", "function", "is_async", "name", "param")

    def __init__(self, function: Callable[..., Any], path: str = "tools") -> None:
        schema = function_schema(function, path)
        self.function = function
        self.is_async = _is_async(function)
        self.name: str = schema.definition["name"]
        self.param: ChatCompletionToolParam = {"type": "function", "function": schema.definition}
        has_attrs = contains_attrs(schema.arguments)
        self._structure = new_structurer(schema.arguments) if has_attrs else None
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
            Any if has_attrs else schema.arguments
        )

    def arguments(self, text: str) -> dict[str, Any]:
        """Read the arguments of a call.

        Args:
            text: JSON; nothing is as good as no arguments.

        Returns:
            Arguments by name, without those that the model left out.

        Raises:
            msgspec.ValidationError: They do not fit the function; the message has the path.
            msgspec.DecodeError: It is not JSON, or nested too deeply.
        """
        try:
            value = self._decoder.decode(text.strip() or _NO_ARGUMENTS)
            given = self._structure(value) if self._structure else value
        except (UnicodeError, RecursionError) as error:
            raise msgspec.DecodeError(f"JSON: expected text of sane depth, got {error}") from error
        values = {name: getattr(given, name) for name in given.__struct_fields__}
        return {name: value for name, value in values.items() if value is not msgspec.UNSET}

    def __repr__(self) -> str:
        return f"<FunctionTool {self.name}>"


def _is_async(function: Callable[..., Any]) -> bool:
    while isinstance(function, partial):
        function = function.func
    # Of an object that can be called, the method tells.
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004 (not whether, but how)
    )


@attrs.frozen(eq=False)
class PreparedCall:
    """A call that can be made.

    Attributes:
        call: As the model wrote it.
        tool: What is called.
        arguments: Its arguments, by name.
    """

    call: ChatCompletionMessageToolCall
    tool: FunctionTool
    arguments: dict[str, Any]


@attrs.frozen(eq=False)
class ToolResult:
    """What came of a call.

    Attributes:
        call: As the model wrote it.
        content: What the model is told.
        value: What the function returned; None if it failed.
        error: Why it failed; None if it did not.
    """

    call: ChatCompletionMessageToolCall
    content: str
    value: Any = None
    error: Exception | None = None

    @property
    def message(self) -> ChatCompletionToolMessageParam:
        """The message that answers the call."""
        return {"role": "tool", "tool_call_id": self.call.id, "content": self.content}


@final
class ToolSet:
    """The tools of a run.

    Args:
        tools: Functions, and tools as the API has them: those that the server runs, and functions
            that the caller runs himself.

    Attributes:
        params: As they are sent.

    Raises:
        InvalidRequestError: One of them is no tool, or two have the same name.
    """

    __slots__ = ("_callers", "_functions", "params")

    def __init__(self, tools: Iterable[Callable[..., Any] | ChatCompletionToolParam]) -> None:
        self._functions: dict[str, FunctionTool] = {}
        self._callers: set[str] = set()
        self.params: list[ChatCompletionToolParam] = []
        for index, tool in enumerate(tools):
            path = f"tools[{index}]"
            made = None if isinstance(tool, Mapping) else FunctionTool(tool, path)
            param: Any = tool if made is None else made.param
            name = _name_in(param)
            if name in self._functions or name in self._callers:
                message = f"{path}: expected a name of its own, got {name!r} a second time"
                raise InvalidRequestError(message, path=path, value=tool)
            self.params.append(param)
            if made is not None:
                self._functions[made.name] = made
            elif isinstance(name, str):
                self._callers.add(name)

    def is_callers(self, call: ChatCompletionMessageToolCall) -> bool:
        """Whether a call is of a function that the caller runs himself."""
        return call.function.name in self._callers

    def prepare(self, call: ChatCompletionMessageToolCall) -> PreparedCall:
        """Find what is called, and read the arguments.

        Raises:
            APIResponseValidationError: There is no such tool, or the arguments do not fit it;
                `body` is what the model wrote.
        """
        wanted = call.function.name
        tool = self._functions.get(wanted)
        if tool is None:
            expected = f"one of the tools {', '.join(self._functions) or '(there are none)'}"
            raise APIResponseValidationError(
                f"tool call: expected {expected}, got {one_line(wanted)!r}", body=wanted
            )
        text = call.function.arguments
        try:
            return PreparedCall(call, tool, tool.arguments(text))
        except msgspec.DecodeError as error:
            kind = "arguments that fit" if isinstance(error, msgspec.ValidationError) else "JSON"
            raise APIResponseValidationError(
                f"arguments of {wanted}: expected {kind} ({error}), got {one_line(text)}", body=text
            ) from error


def _name_in(tool: Mapping[str, Any]) -> object:
    function = tool.get("function")
    return function.get("name") if isinstance(function, Mapping) else None


def succeeded(prepared: PreparedCall, value: object) -> ToolResult:
    """The result of a call that returned `value`: text as it is, all else as JSON.

    Raises:
        TypeError: It cannot be JSON.
        UnicodeEncodeError: It is text with a lone surrogate.
    """
    if isinstance(value, str):
        value.encode()  # what cannot be sent is this tool's failure, not that of the next request
        return ToolResult(prepared.call, str.__str__(value), value)
    try:
        content = encode_json(value).decode()
    except InvalidRequestError as error:
        got = f"{type(value).__name__} ({error})"
        raise TypeError(f"{prepared.tool.name}: expected a JSON result, got {got}") from error
    return ToolResult(prepared.call, content, value)


def failed(call: ChatCompletionMessageToolCall, error: Exception) -> ToolResult:
    """The result of a call that came to nothing: what is wrong, without where in the code."""
    if isinstance(error, APIResponseValidationError):
        text = error.message
    else:
        text = "; ".join(_texts(_leaves(error)))
    text = text.encode("utf-8", "replace").decode()
    if len(text) > MAX_ERROR_CHARS:
        text = f"{text[: MAX_ERROR_CHARS - 3]}..."
    return ToolResult(call, f"Error: {text}", error=error)


def _leaves(error: Exception) -> Sequence[Exception]:
    """The errors in a group, which itself says nothing: functions may have nurseries."""
    if isinstance(error, ExceptionGroup):
        return [leaf for part in error.exceptions for leaf in _leaves(part)][:MAX_LISTED_ERRORS]
    return [error]


def _texts(errors: Iterable[Exception]) -> Iterable[str]:
    for error in errors:
        name, text = type(error).__name__, str(error)
        yield f"{name}: {text}" if text else name
