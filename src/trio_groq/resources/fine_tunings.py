"""`client.fine_tunings`. Source: API reference, "Fine Tuning" (a closed beta)."""

from collections.abc import Mapping
from functools import cache
from typing import Final, Unpack, final

from trio_groq._api.parameters import Validator
from trio_groq._api.requests import HeaderOptions, QueryOptions
from trio_groq._api.retry import RetryOption
from trio_groq._call import NOT_GIVEN, NotGiven, RequestOptions
from trio_groq._http.deadlines import TimeoutOption
from trio_groq._readers import Reader, json_reader
from trio_groq.resources._base import Resource, as_raw, as_streaming, collect, segment
from trio_groq.types._base import Decoder
from trio_groq.types.fine_tunings import (
    FineTuningDeleteResponse,
    FineTuningListResponse,
    FineTuningReadResponse,
)
from trio_groq.types.fine_tunings_params import FineTuningCreateParams

__all__ = ["FineTunings", "FineTuningsWithRawResponse", "FineTuningsWithStreamingResponse"]

_PATH: Final = "/v1/fine_tunings"
"""Not below `/openai`: this one has no counterpart there."""


# Built at the first call: decoders and validators cost milliseconds that an import need not.
@cache
def _list_reader() -> Reader[FineTuningListResponse]:
    return json_reader(Decoder(FineTuningListResponse))


@cache
def _one_reader() -> Reader[FineTuningReadResponse]:
    return json_reader(Decoder(FineTuningReadResponse))


@cache
def _deleted_reader() -> Reader[FineTuningDeleteResponse]:
    return json_reader(Decoder(FineTuningDeleteResponse))


@cache
def _validator() -> Validator:
    return Validator(FineTuningCreateParams)


@final
class FineTunings(Resource):
    """Models of one's own making."""

    @property
    def with_raw_response(self) -> "FineTuningsWithRawResponse":
        """The same methods, returning the response itself, read."""
        return FineTuningsWithRawResponse(FineTunings(self._caller.raw()))

    @property
    def with_streaming_response(self) -> "FineTuningsWithStreamingResponse":
        """The same methods, for `async with`, giving the response itself, unread."""
        return FineTuningsWithStreamingResponse(FineTunings(self._caller.streaming()))

    async def create(
        self,
        *,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[FineTuningCreateParams],
    ) -> FineTuningReadResponse:
        """Make a fine tuning from a file that was uploaded.

        Args:
            extra_headers: Header fields for this request; None takes a default one away.
            extra_query: Query parameters for this request.
            extra_body: Fields of the body that the parameters do not have (yet); they win over
                parameters of the same name.
            timeout: Seconds for the whole call, or limits by phase.
            max_retries: How often it is repeated at the most, or a policy.
            params: See `FineTuningCreateParams`. Left out is not sent.

        Raises:
            InvalidRequestError: A parameter is not valid; nothing was sent.
            APIError: The call failed: see the error tree.
        """
        _validator()(params)
        options = collect(extra_headers, extra_query, extra_body, timeout, max_retries)
        return await self._perform("POST", _PATH, _one_reader(), options, params=params)

    async def get(
        self,
        id: str,  # noqa: A002 (the API's name)
        **options: Unpack[RequestOptions],
    ) -> FineTuningReadResponse:
        """Look one fine tuning up.

        Args:
            id: Its id.
            options: See `RequestOptions`.

        Raises:
            InvalidRequestError: The id is not valid; nothing was sent.
            APIError: The call failed: see the error tree.
        """
        return await self._perform("GET", f"{_PATH}/{segment('id', id)}", _one_reader(), options)

    async def delete(
        self,
        id: str,  # noqa: A002 (the API's name)
        **options: Unpack[RequestOptions],
    ) -> FineTuningDeleteResponse:
        """Delete a fine tuning.

        Args:
            id: Its id.
            options: See `RequestOptions`.

        Raises:
            InvalidRequestError: The id is not valid; nothing was sent.
            APIError: The call failed: see the error tree.
        """
        path = f"{_PATH}/{segment('id', id)}"
        return await self._perform("DELETE", path, _deleted_reader(), options)

    async def list(self, **options: Unpack[RequestOptions]) -> FineTuningListResponse:
        """List all fine tunings, in one piece.

        Args:
            options: See `RequestOptions`.

        Raises:
            APIError: The call failed: see the error tree.
        """
        return await self._perform("GET", _PATH, _list_reader(), options)


@final
class FineTuningsWithRawResponse:
    """`client.fine_tunings.with_raw_response`: each method returns the response, read."""

    def __init__(self, fine_tunings: FineTunings) -> None:
        self.list: Final = as_raw(fine_tunings.list)
        self.create: Final = as_raw(fine_tunings.create)
        self.get: Final = as_raw(fine_tunings.get)
        self.delete: Final = as_raw(fine_tunings.delete)


@final
class FineTuningsWithStreamingResponse:
    """`client.fine_tunings.with_streaming_response`: each gives the response, unread."""

    def __init__(self, fine_tunings: FineTunings) -> None:
        self.list: Final = as_streaming(fine_tunings.list)
        self.create: Final = as_streaming(fine_tunings.create)
        self.get: Final = as_streaming(fine_tunings.get)
        self.delete: Final = as_streaming(fine_tunings.delete)
