"""The input of a response: items of a conversation. Source: API reference, "Create response".

Statically an item has one of the types below. At run time an unknown type of item, or of a part of
its content, passes as it is: what the API adds later needs no new version of ours.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Required, TypeAlias, TypedDict

from trio_groq.types.responses_items import KnownItem

__all__ = [
    "ResponseFunctionCallOutputParam",
    "ResponseFunctionToolCallParam",
    "ResponseInputContentParam",
    "ResponseInputFileParam",
    "ResponseInputImageParam",
    "ResponseInputItemParam",
    "ResponseInputMessageParam",
    "ResponseInputTextParam",
    "ResponseItemReferenceParam",
    "ResponseMcpApprovalResponseParam",
    "ResponseOutputRefusalParam",
    "ResponseOutputTextParam",
    "ResponseReasoningItemParam",
]


class ResponseInputTextParam(TypedDict):
    """A part of a message: text.

    Attributes:
        type: `input_text`.
        text: The text.
    """

    type: Literal["input_text"]
    text: str


class ResponseInputImageParam(TypedDict, total=False):
    """A part of a message: an image, for models that see.

    Attributes:
        type: `input_image`.
        image_url: Its address, or the image itself as a `data:` URL.
        file_id: A file that has it, instead of an address.
        detail: `auto` (the default), `low` or `high`.
    """

    type: Required[Literal["input_image"]]
    image_url: str | None
    file_id: str | None
    detail: str


class ResponseInputFileParam(TypedDict, total=False):
    """A part of a message: a file.

    Attributes:
        type: `input_file`.
        file_id: Its id.
        file_url: Its address, instead of an id.
        file_data: Its content, instead of both.
        filename: Its name.
    """

    type: Required[Literal["input_file"]]
    file_id: str | None
    file_url: str
    file_data: str
    filename: str


class ResponseOutputTextParam(TypedDict, total=False):
    """A part of a message of the model: text.

    Attributes:
        type: `output_text`.
        text: The text.
        annotations: Where parts of it come from.
    """

    type: Required[Literal["output_text"]]
    text: Required[str]
    annotations: Sequence[object]


class ResponseOutputRefusalParam(TypedDict):
    """A part of a message of the model: a refusal.

    Attributes:
        type: `refusal`.
        refusal: The explanation.
    """

    type: Literal["refusal"]
    refusal: str


ResponseInputContentParam: TypeAlias = (
    ResponseInputTextParam
    | ResponseInputImageParam
    | ResponseInputFileParam
    | ResponseOutputTextParam
    | ResponseOutputRefusalParam
    | Mapping[str, object]
)
"""A part of a message. Any mapping will do for type checkers; it is checked before sending."""


class ResponseInputMessageParam(TypedDict, total=False):
    """A message.

    Attributes:
        type: `message`; may be left out.
        role: `user`, `assistant`, `system` or `developer`.
        content: The text, or parts.
        id: Its id, when it came from the API.
        status: `in_progress`, `completed` or `incomplete`, when it came from the API.
    """

    type: Literal["message"]
    role: Required[str]
    content: Required[str | Sequence[ResponseInputContentParam]]
    id: str
    status: str | None


class ResponseItemReferenceParam(TypedDict):
    """An item that the API has kept.

    Attributes:
        type: `item_reference`.
        id: Its id.
    """

    type: Literal["item_reference"]
    id: str


class ResponseFunctionToolCallParam(TypedDict, total=False):
    """A function that the model wanted to be called.

    Attributes:
        type: `function_call`.
        call_id: Name of the call.
        name: The function.
        arguments: Its arguments: JSON text.
        id: Id of the item.
        status: `in_progress`, `completed` or `incomplete`.
    """

    type: Required[Literal["function_call"]]
    call_id: Required[str]
    name: Required[str]
    arguments: Required[str]
    id: str | None
    status: str | None


class ResponseFunctionCallOutputParam(TypedDict, total=False):
    """What a function has returned.

    Attributes:
        type: `function_call_output`.
        call_id: Name of the call that it answers.
        output: The result: JSON text, or parts of content.
        id: Id of the item.
        status: `in_progress`, `completed` or `incomplete`.
    """

    type: Required[Literal["function_call_output"]]
    call_id: Required[str]
    output: Required[str | Sequence[ResponseInputContentParam]]
    id: str | None
    status: str | None


class ResponseReasoningItemParam(TypedDict, total=False):
    """What the model thought.

    Attributes:
        type: `reasoning`.
        id: Id of the item.
        summary: Its summaries.
        content: Its text, in parts.
        encrypted_content: The text for the server's eyes only.
        status: `in_progress`, `completed` or `incomplete`.
    """

    type: Required[Literal["reasoning"]]
    id: str
    summary: Sequence[Mapping[str, object]]
    content: Sequence[Mapping[str, object]] | None
    encrypted_content: str | None
    status: str | None


class ResponseMcpApprovalResponseParam(TypedDict, total=False):
    """Whether a tool of an MCP server may be called.

    Attributes:
        type: `mcp_approval_response`.
        approval_request_id: Id of the `mcp_approval_request` that it answers.
        approve: Whether it may.
        reason: Why, or why not.
    """

    type: Required[Literal["mcp_approval_response"]]
    approval_request_id: Required[str]
    approve: Required[bool]
    reason: str | None


ResponseInputItemParam: TypeAlias = (
    ResponseInputMessageParam
    | ResponseItemReferenceParam
    | ResponseFunctionToolCallParam
    | ResponseFunctionCallOutputParam
    | ResponseReasoningItemParam
    | ResponseMcpApprovalResponseParam
    | KnownItem
    | Mapping[str, object]
)
"""An item: a dict, or one of the `output` of an earlier response. Any mapping will do for type
checkers; its shape is checked before sending."""
