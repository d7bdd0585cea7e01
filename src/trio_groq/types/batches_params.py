"""The parameters of a batch, declared once. Source: API reference, "Create batch"."""

from collections.abc import Mapping
from typing import Annotated, Required, TypedDict

from msgspec import Meta

__all__ = ["BatchCreateParams", "BatchRequestLineParam"]


class BatchCreateParams(TypedDict, total=False):
    """The parameters of `batches.create`.

    Attributes:
        completion_window: How long the batch may take: `24h` to `7d`.
        endpoint: Where the requests go: `/v1/chat/completions`.
        input_file_id: An uploaded JSONL file of requests, with the purpose `batch`; at most 100 MB
            and 50,000 lines.
        metadata: Texts to attach to the batch.
    """

    completion_window: Required[str]
    endpoint: Required[str]
    input_file_id: Required[str]
    metadata: Mapping[str, str] | None


class BatchRequestLineParam(TypedDict):
    """One line of a batch's input, as a dict. See `BatchRequestLine`.

    Attributes:
        custom_id: The caller's name for the request, different in each line.
        method: `POST`.
        url: Where it goes.
        body: The parameters.
    """

    custom_id: Annotated[str, Meta(min_length=1)]
    method: Annotated[str, Meta(min_length=1)]
    url: Annotated[str, Meta(min_length=1)]
    body: Mapping[str, object]
