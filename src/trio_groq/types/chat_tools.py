"""Tools, and forms of the answer, in a chat request. Source: API reference, chat completions."""

from collections.abc import Mapping
from typing import Literal, Required, TypeAlias, TypedDict

__all__ = [
    "ChatCompletionBuiltInToolParam",
    "ChatCompletionFunctionToolParam",
    "ChatCompletionNamedToolChoiceParam",
    "ChatCompletionToolParam",
    "FunctionDefinition",
    "FunctionName",
    "JSONSchema",
    "NamedFunction",
    "ResponseFormatJSONObject",
    "ResponseFormatJSONSchema",
    "ResponseFormatParam",
    "ResponseFormatText",
]


class FunctionDefinition(TypedDict, total=False):
    """A function that the model may ask to be called.

    Attributes:
        name: Letters, digits, `_` and `-`; at most 64 characters.
        description: What it does; the model decides by this when to call it.
        parameters: JSON Schema of its arguments.
        strict: Whether the arguments must fit the schema exactly.
    """

    name: Required[str]
    description: str
    parameters: Mapping[str, object]
    strict: bool | None


class ChatCompletionFunctionToolParam(TypedDict):
    """A tool that the caller runs.

    Attributes:
        type: `function`.
        function: The function.
    """

    type: Literal["function"]
    function: FunctionDefinition


class ChatCompletionBuiltInToolParam(TypedDict):
    """A tool that the server runs.

    Attributes:
        type: `browser_search` or `code_interpreter`.
    """

    type: Literal["browser_search", "code_interpreter"]


ChatCompletionToolParam: TypeAlias = (
    ChatCompletionFunctionToolParam | ChatCompletionBuiltInToolParam | Mapping[str, object]
)
"""A tool. Any mapping will do for type checkers; its shape is checked before sending."""


class NamedFunction(TypedDict):
    """A function by its name.

    Attributes:
        name: The name.
    """

    name: str


class ChatCompletionNamedToolChoiceParam(TypedDict):
    """The tool that must be called.

    Attributes:
        type: `function`.
        function: Which function.
    """

    type: str
    function: NamedFunction


class FunctionName(TypedDict):
    """The function that must be called. Deprecated by the API: see `tool_choice`.

    Attributes:
        name: The name.
    """

    name: str


class ResponseFormatText(TypedDict):
    """The answer is text.

    Attributes:
        type: `text`.
    """

    type: Literal["text"]


class ResponseFormatJSONObject(TypedDict):
    """The answer is a JSON object. A message must tell the model so, too.

    Attributes:
        type: `json_object`.
    """

    type: Literal["json_object"]


class JSONSchema(TypedDict, total=False):
    """What structured output looks like.

    Attributes:
        name: Letters, digits, `_` and `-`; at most 64 characters.
        description: What it is for; the model reads this.
        schema: The JSON Schema.
        strict: Whether the answer must fit the schema exactly.
    """

    name: Required[str]
    description: str
    schema: Mapping[str, object]
    strict: bool | None


class ResponseFormatJSONSchema(TypedDict):
    """The answer is JSON that fits a schema, for models that can.

    Attributes:
        type: `json_schema`.
        json_schema: The schema.
    """

    type: Literal["json_schema"]
    json_schema: JSONSchema


ResponseFormatParam: TypeAlias = (
    ResponseFormatText | ResponseFormatJSONObject | ResponseFormatJSONSchema | Mapping[str, object]
)
"""The form of the answer. Any mapping will do for type checkers; it is checked before sending."""
