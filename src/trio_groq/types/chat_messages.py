"""The messages of a chat request, by role. Source: API reference, "Create chat completion".

Statically a message has one of the roles below. At run time an unknown role, or an unknown type
of content part, passes as it is: what the API adds later needs no new version of ours.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Required, TypeAlias, TypedDict

from msgspec import Meta

from trio_groq.types._base import Encoded
from trio_groq.types.chat import ChatCompletionMessage

__all__ = [
    "ChatCompletionAssistantMessageParam",
    "ChatCompletionContentPartDocumentParam",
    "ChatCompletionContentPartImageParam",
    "ChatCompletionContentPartParam",
    "ChatCompletionContentPartTextParam",
    "ChatCompletionDeveloperMessageParam",
    "ChatCompletionFunctionMessageParam",
    "ChatCompletionMessageParam",
    "ChatCompletionMessageToolCallParam",
    "ChatCompletionSystemMessageParam",
    "ChatCompletionToolMessageParam",
    "ChatCompletionUserMessageParam",
    "DocumentContent",
    "FunctionCallParam",
    "ImageURL",
]

SentAsText: TypeAlias = Annotated[bytes | bytearray | memoryview | os.PathLike[str], Encoded()]
"""What is text by the time it is checked."""


class ChatCompletionContentPartTextParam(TypedDict):
    """A part of a message: text.

    Attributes:
        type: `text`.
        text: The text.
    """

    type: Literal["text"]
    text: str


class ImageURL(TypedDict, total=False):
    """Where an image is.

    Attributes:
        url: Its address, or the image itself: as a `data:` URL, as bytes, or as a path (no `str`)
            to a file. Bytes and files are encoded before they are sent: PNG, JPEG, GIF or WebP,
            4 MiB in one request, encoded, at the most.
        detail: `auto` (the default), `low` or `high`.
    """

    url: Required[str | SentAsText]
    detail: str


class ChatCompletionContentPartImageParam(TypedDict):
    """A part of a message: an image, for models that see.

    Attributes:
        type: `image_url`.
        image_url: The image.
    """

    type: Literal["image_url"]
    image_url: ImageURL


class DocumentContent(TypedDict, total=False):
    """A document as data.

    Attributes:
        data: Its content: any JSON object.
        id: Its name, for citations.
    """

    data: Required[Mapping[str, object]]
    id: str | None


class ChatCompletionContentPartDocumentParam(TypedDict):
    """A part of a message: a document.

    Attributes:
        type: `document`.
        document: The document.
    """

    type: Literal["document"]
    document: DocumentContent


ChatCompletionContentPartParam: TypeAlias = (
    ChatCompletionContentPartTextParam
    | ChatCompletionContentPartImageParam
    | ChatCompletionContentPartDocumentParam
)

TextContent: TypeAlias = (
    str | Annotated[Sequence[ChatCompletionContentPartTextParam], Meta(min_length=1)]
)
AnyContent: TypeAlias = (
    str | Annotated[Sequence[ChatCompletionContentPartParam], Meta(min_length=1)]
)


class ChatCompletionSystemMessageParam(TypedDict, total=False):
    """Instructions to the model.

    Attributes:
        role: `system`.
        content: The instructions.
        name: Tells participants of the same role apart.
    """

    role: Required[Literal["system"]]
    content: Required[TextContent]
    name: str


class ChatCompletionDeveloperMessageParam(TypedDict, total=False):
    """Instructions to the model; another name for `system`.

    Attributes:
        role: `developer`.
        content: The instructions.
        name: Tells participants of the same role apart.
    """

    role: Required[Literal["developer"]]
    content: Required[TextContent]
    name: str


class ChatCompletionUserMessageParam(TypedDict, total=False):
    """What the user says.

    Attributes:
        role: `user`.
        content: Text, or parts of text, images and documents.
        name: Tells participants of the same role apart.
    """

    role: Required[Literal["user"]]
    content: Required[AnyContent]
    name: str


class FunctionCallParam(TypedDict):
    """A function that the model wanted to be called.

    Attributes:
        name: Its name.
        arguments: Its arguments: JSON text.
    """

    name: str
    arguments: str


class ChatCompletionMessageToolCallParam(TypedDict):
    """A tool that the model wanted to be called.

    Attributes:
        id: Name of the call; the `tool` message that answers it has the same.
        type: `function`.
        function: The function and its arguments.
    """

    id: str
    type: str
    function: FunctionCallParam


class ChatCompletionAssistantMessageParam(TypedDict, total=False):
    """What the model said before.

    Attributes:
        role: `assistant`.
        content: The text; may be left out beside `tool_calls`.
        reasoning: The model's reasoning, for models that take it back.
        tool_calls: Tools that the model wanted to be called.
        function_call: Deprecated by the API: see `tool_calls`.
        name: Tells participants of the same role apart.
    """

    role: Required[Literal["assistant"]]
    content: str | Sequence[ChatCompletionContentPartTextParam] | None
    reasoning: str | None
    tool_calls: Sequence[ChatCompletionMessageToolCallParam] | None
    function_call: FunctionCallParam | None
    name: str


class ChatCompletionToolMessageParam(TypedDict, total=False):
    """The result of a tool call.

    Attributes:
        role: `tool`.
        content: The result: text, or parts.
        tool_call_id: The `id` of the call that it answers.
        name: Name of the function.
    """

    role: Required[Literal["tool"]]
    content: Required[AnyContent]
    tool_call_id: Required[str]
    name: str


class ChatCompletionFunctionMessageParam(TypedDict, total=False):
    """The result of a function call. Deprecated by the API: see the `tool` message.

    Attributes:
        role: `function`.
        content: The result.
        name: Name of the function.
        tool_call_id: The `id` of the call that it answers.
    """

    role: Required[Literal["function"]]
    content: Required[str | None]
    name: Required[str]
    tool_call_id: str


ChatCompletionMessageParam: TypeAlias = (
    ChatCompletionSystemMessageParam
    | ChatCompletionDeveloperMessageParam
    | ChatCompletionUserMessageParam
    | ChatCompletionAssistantMessageParam
    | ChatCompletionToolMessageParam
    | ChatCompletionFunctionMessageParam
    | ChatCompletionMessage
)
"""One message of a request: a dict by role, or a message that came out of a completion."""
