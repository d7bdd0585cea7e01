"""Batches: many requests in one file. Source: API reference, "Batches", and the guide to batches.

The official SDK has a name for what each call returns, though it is always the same `Batch`; so
here those names are aliases.
"""

from typing import Any, TypeAlias

from trio_groq.types._base import Record, Response, sent

__all__ = [
    "Batch",
    "BatchCancelResponse",
    "BatchCreateResponse",
    "BatchError",
    "BatchErrors",
    "BatchLineError",
    "BatchLineResponse",
    "BatchListResponse",
    "BatchPaging",
    "BatchRequestCounts",
    "BatchRequestLine",
    "BatchRetrieveResponse",
]


class BatchError(Record, gc=False):
    """What is wrong with the input of a batch.

    Attributes:
        code: A word for programs, such as `invalid_method`.
        message: What is wrong, for people.
        param: The field at fault.
        line: Line of the input file, from 1.
    """

    code: str | None = None
    message: str | None = None
    param: str | None = None
    line: int | None = None


class BatchErrors(Record):
    """A list of what is wrong.

    Attributes:
        data: The errors.
        object: `list`.
    """

    data: list[BatchError] | None = None
    object: str | None = None


class BatchRequestCounts(Record, gc=False):
    """How far a batch has come; all 0 while it is being validated.

    Attributes:
        total: Requests in the batch.
        completed: Requests that were answered.
        failed: Requests that failed.
    """

    total: int = sent(int)
    completed: int = sent(int)
    failed: int = sent(int)


class Batch(Response):
    """A batch, as it stood when it was asked for. All times are seconds of Unix time.

    Attributes:
        id: Its id (`batch_...`).
        completion_window: How long it may take, such as `24h`.
        created_at: When it was created.
        endpoint: Where its requests go, such as `/v1/chat/completions`.
        input_file_id: The file with its requests.
        object: `batch`.
        status: `validating`, `in_progress`, `finalizing`, `cancelling`; at last `completed`,
            `failed` (the input is not valid), `expired` or `cancelled`; or new.
        output_file_id: The file with the answers, once there is one.
        error_file_id: The file with what failed, once there is one.
        errors: What is wrong with the input. The reference has an object with `data`, the guide
            a plain list; both are read.
        request_counts: How far it has come.
        metadata: What the caller attached to it.
        in_progress_at: When the first request was made.
        finalizing_at: When the last one was over.
        completed_at: When it was completed.
        failed_at: When its input was found not to be valid.
        cancelling_at: When its cancellation was asked for.
        cancelled_at: When it was cancelled.
        expires_at: When it expires, unless it is over by then.
        expired_at: When it expired.
        project_id: The project that it belongs to.
    """

    id: str = sent(str)
    completion_window: str = sent(str)
    created_at: int = sent(int)
    endpoint: str = sent(str)
    input_file_id: str = sent(str)
    object: str = sent(lambda: "batch")
    status: str = sent(str)
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: BatchErrors | list[BatchError] | None = None
    request_counts: BatchRequestCounts | None = None
    metadata: dict[str, Any] | None = None
    in_progress_at: int | None = None
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None
    expires_at: int | None = None
    expired_at: int | None = None
    project_id: str | None = None


BatchCreateResponse: TypeAlias = Batch
BatchRetrieveResponse: TypeAlias = Batch
BatchCancelResponse: TypeAlias = Batch


class BatchPaging(Record, gc=False):
    """Where a list goes on.

    Attributes:
        next_cursor: What to ask the next page with; None at the end.
    """

    next_cursor: str | None = None


class BatchListResponse(Response):
    """A page of the organization's batches.

    Attributes:
        data: The batches.
        object: `list`.
        paging: Where the list goes on.
    """

    data: list[Batch] = sent(list[Batch])
    object: str = sent(lambda: "list")
    paging: BatchPaging | None = None


class BatchRequestLine(Record):
    """One line of a batch's input: a request.

    Attributes:
        custom_id: The caller's name for it, different in each line; the answer has it again.
        method: `POST`.
        url: Where it goes: `/v1/chat/completions`, or what else the API takes in a batch.
        body: The parameters, as for a call of their own.
    """

    custom_id: str = sent(str)
    method: str = sent(lambda: "POST")
    url: str = sent(lambda: "/v1/chat/completions")
    body: dict[str, Any] = sent(dict[str, Any])


class BatchLineResponse(Record):
    """The HTTP response to one request of a batch.

    Attributes:
        status_code: HTTP status.
        request_id: The request's id (`req_...`), for Groq's support.
        body: The decoded body.
    """

    status_code: int = sent(int)
    request_id: str | None = None
    body: Any = None


class BatchLineError(Record, gc=False):
    """Why one request of a batch was not made, or got no response.

    Attributes:
        code: A word for programs.
        message: What happened, for people.
    """

    code: str | None = None
    message: str | None = None
