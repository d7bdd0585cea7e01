"""`client.batches`: many requests in one file. Source: API reference, "Batches"."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Final, Unpack, final

import trio

from trio_groq._api.batch_lines import MAX_LINE_BYTES
from trio_groq._api.batch_progress import INTERVAL, MAX_INTERVAL, intervals, is_over
from trio_groq._api.parameters import Validator
from trio_groq._api.requests import HeaderOptions, QueryOptions
from trio_groq._api.retry import RetryOption
from trio_groq._call import NOT_GIVEN, NotGiven, RequestOptions
from trio_groq._http.deadlines import TimeoutOption
from trio_groq._readers import Reader, json_reader
from trio_groq.errors import APITimeoutError, InvalidRequestError
from trio_groq.resources._base import Resource, as_raw, as_streaming, collect, segment
from trio_groq.resources._batch_results import BatchResults
from trio_groq.resources.files import Files
from trio_groq.types._base import Decoder
from trio_groq.types.batches import (
    Batch,
    BatchCancelResponse,
    BatchCreateResponse,
    BatchListResponse,
    BatchRetrieveResponse,
)
from trio_groq.types.batches_params import BatchCreateParams

__all__ = ["Batches", "BatchesWithRawResponse", "BatchesWithStreamingResponse"]

_PATH: Final = "/openai/v1/batches"
_LONGEST: Final = 1e9
"""Seconds: more than anybody waits, and few enough for arithmetic on clocks."""


# Built at the first call: decoders and validators cost milliseconds that an import need not.
@cache
def _batch_reader() -> Reader[Batch]:
    return json_reader(Decoder(Batch))


@cache
def _list_reader() -> Reader[BatchListResponse]:
    return json_reader(Decoder(BatchListResponse))


@cache
def _validator() -> Validator:
    return Validator(BatchCreateParams)


def _one(batch_id: str) -> str:
    return f"{_PATH}/{segment('batch_id', batch_id)}"


def _check_seconds(**seconds: float | None) -> None:
    for name, value in seconds.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number and 0 < value <= _LONGEST):
            raise InvalidRequestError(
                f"{name}: expected a number of seconds > 0, got {value!r}", path=name, value=value
            )


@final
class Batches(Resource):
    """Batches: many requests in one file, answered within a day or more, at a lower price."""

    @property
    def with_raw_response(self) -> "BatchesWithRawResponse":
        """The same methods, returning the response itself, read."""
        return BatchesWithRawResponse(Batches(self._caller.raw()))

    @property
    def with_streaming_response(self) -> "BatchesWithStreamingResponse":
        """The same methods, for `async with`, giving the response itself, unread."""
        return BatchesWithStreamingResponse(Batches(self._caller.streaming()))

    async def create(
        self,
        *,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[BatchCreateParams],
    ) -> BatchCreateResponse:
        """Have the requests of an uploaded file answered.

        Args:
            extra_headers: Header fields for this request; None takes a default one away.
            extra_query: Query parameters for this request.
            extra_body: Fields of the body that the parameters do not have (yet).
            timeout: Seconds for the whole call, or limits by phase.
            max_retries: How often it is repeated at the most, or a policy.
            params: See `BatchCreateParams`. Left out is not sent; None is sent as null.

        Returns:
            The batch, which has only just begun.

        Raises:
            InvalidRequestError: A parameter is not valid; nothing was sent.
            APIError: The call failed: see the error tree.
        """
        _validator()(params)
        options = collect(extra_headers, extra_query, extra_body, timeout, max_retries)
        return await self._perform("POST", _PATH, _batch_reader(), options, params=params)

    async def retrieve(
        self, batch_id: str, **options: Unpack[RequestOptions]
    ) -> BatchRetrieveResponse:
        """Look at a batch.

        Args:
            batch_id: Its id.
            options: See `RequestOptions`.

        Raises:
            APIError: The call failed; `NotFoundError` if there is no such batch.
        """
        return await self._perform("GET", _one(batch_id), _batch_reader(), options)

    async def list(
        self, *, cursor: str | None = None, **options: Unpack[RequestOptions]
    ) -> BatchListResponse:
        """List the organization's batches, a page at a time.

        Args:
            cursor: Where to go on: `paging.next_cursor` of the page before.
            options: See `RequestOptions`.

        Raises:
            APIError: The call failed.
        """
        query = {"cursor": cursor}
        return await self._perform("GET", _PATH, _list_reader(), options, query=query)

    async def cancel(self, batch_id: str, **options: Unpack[RequestOptions]) -> BatchCancelResponse:
        """Cancel a batch. It is `cancelling` for up to ten minutes, and then `cancelled`.

        Args:
            batch_id: Its id.
            options: See `RequestOptions`.

        Returns:
            The batch. What was answered before stays in its output file.

        Raises:
            APIError: The call failed.
        """
        return await self._perform("POST", f"{_one(batch_id)}/cancel", _batch_reader(), options)

    async def wait(
        self,
        batch_id: str,
        *,
        interval: float = INTERVAL,
        max_interval: float = MAX_INTERVAL,
        timeout: float | None = None,
        on_look: Callable[[Batch], object] | None = None,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
    ) -> Batch:
        """Wait until a batch is over, looking at it now and then.

        Cancelling it cancels the wait and not the batch.

        Args:
            batch_id: Its id.
            interval: Seconds from the first look to the second; each further interval is half as
                long again as the one before.
            max_interval: Seconds between two looks at the most.
            timeout: Seconds to wait in all; None waits for as long as it takes.
            on_look: Called with the batch after each look, such as to show how far it is.
            extra_headers: Header fields of each look.
            extra_query: Query parameters of each look.
            max_retries: How often one look is repeated at the most, or a policy.

        Returns:
            The batch, which is `completed`, `failed`, `expired` or `cancelled`. A batch that
            failed is returned like any other: `errors` says why.

        Raises:
            InvalidRequestError: An interval or the timeout is no number above zero.
            APITimeoutError: `timeout` passed; `partial` is the batch as it was seen last.
            APIError: A look failed, repetitions included.
        """
        _check_seconds(interval=interval, max_interval=max_interval, timeout=timeout)
        options = collect(extra_headers, extra_query, None, NOT_GIVEN, max_retries)
        batch: Batch | None = None
        pauses = intervals(interval, max_interval)
        with trio.move_on_after(_LONGEST if timeout is None else timeout):
            while True:
                batch = await self.retrieve(batch_id, **options)
                if on_look is not None:
                    on_look(batch)
                if is_over(batch):
                    return batch
                await trio.sleep(next(pauses))
        assert timeout is not None  # noqa: S101 (nothing else ends the loop)
        status = "no answer" if batch is None else f"status {batch.status!r}"
        raise APITimeoutError(
            f"batch {batch_id}: expected it to be over within {timeout:g} s, got {status}",
            phase="total",
            limit=timeout,
            partial=batch,
        )

    def results(
        self,
        batch: str | Batch,
        *,
        max_line_bytes: int = MAX_LINE_BYTES,
        **options: Unpack[RequestOptions],
    ) -> BatchResults:
        """The results of a batch that is over, line by line, while they come.

        Args:
            batch: Its id, or the batch itself, which spares a look at it.
            max_line_bytes: Longest line, in bytes.
            options: See `RequestOptions`; for each of the requests that this makes.

        Returns:
            For `async with` and `async for`, which makes the requests: the lines of the output
            file, then those of the error file. `line.completion()` is the answer or raises.
        """

        async def find() -> Batch:
            if isinstance(batch, Batch):
                await trio.lowlevel.checkpoint()
                return batch
            return await self.retrieve(batch, **options)

        content = partial(Files(self._caller).content, **options)
        return BatchResults(find, content, max_line_bytes=max_line_bytes)


@final
class BatchesWithRawResponse:
    """`client.batches.with_raw_response`: each method returns the response, read."""

    def __init__(self, batches: Batches) -> None:
        self.create: Final = as_raw(batches.create)
        self.retrieve: Final = as_raw(batches.retrieve)
        self.list: Final = as_raw(batches.list)
        self.cancel: Final = as_raw(batches.cancel)


@final
class BatchesWithStreamingResponse:
    """`client.batches.with_streaming_response`: each gives the response, unread."""

    def __init__(self, batches: Batches) -> None:
        self.create: Final = as_streaming(batches.create)
        self.retrieve: Final = as_streaming(batches.retrieve)
        self.list: Final = as_streaming(batches.list)
        self.cancel: Final = as_streaming(batches.cancel)
