"""`client.reranking`. Source: API reference, "Reranking"."""

from collections.abc import Mapping
from functools import cache
from typing import Final, Unpack, final

from trio_groq._api.parameters import Validator
from trio_groq._api.requests import HeaderOptions, QueryOptions
from trio_groq._api.retry import RetryOption
from trio_groq._call import NOT_GIVEN, NotGiven
from trio_groq._http.deadlines import TimeoutOption
from trio_groq._readers import Reader, json_reader
from trio_groq.resources._base import Resource, as_raw, as_streaming, collect
from trio_groq.resources._model_use import check_ability
from trio_groq.types._base import Decoder
from trio_groq.types.reranking import RerankingResponse
from trio_groq.types.reranking_params import RerankingCreateParams

__all__ = ["Reranking", "RerankingWithRawResponse", "RerankingWithStreamingResponse"]

_PATH: Final = "/openai/v1/reranking"


# Built at the first call: decoders and validators cost milliseconds that an import need not.
@cache
def _reader() -> Reader[RerankingResponse]:
    return json_reader(Decoder(RerankingResponse))


@cache
def _validator() -> Validator:
    return Validator(RerankingCreateParams)


@final
class Reranking(Resource):
    """Documents by relevance."""

    @property
    def with_raw_response(self) -> "RerankingWithRawResponse":
        """The same methods, returning the response itself, read."""
        return RerankingWithRawResponse(Reranking(self._caller.raw()))

    @property
    def with_streaming_response(self) -> "RerankingWithStreamingResponse":
        """The same methods, for `async with`, giving the response itself, unread."""
        return RerankingWithStreamingResponse(Reranking(self._caller.streaming()))

    async def create(
        self,
        *,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        **params: Unpack[RerankingCreateParams],
    ) -> RerankingResponse:
        """Sort documents by their relevance to a query.

        Args:
            extra_headers: Header fields for this request; None takes a default one away.
            extra_query: Query parameters for this request.
            extra_body: Fields of the body that the parameters do not have (yet); they win over
                parameters of the same name.
            timeout: Seconds for the whole call, or limits by phase.
            max_retries: How often it is repeated at the most, or a policy.
            params: See `RerankingCreateParams`. Left out is not sent; None is sent as null.

        Returns:
            Every document with its score, the most relevant one first.

        Raises:
            InvalidRequestError: A parameter is not valid; nothing was sent.
            APIError: The call failed: see the error tree.
        """
        _validator()(params)
        check_ability(self._caller, params["model"], "reranking")
        options = collect(extra_headers, extra_query, extra_body, timeout, max_retries)
        return await self._perform("POST", _PATH, _reader(), options, params=params)


@final
class RerankingWithRawResponse:
    """`client.reranking.with_raw_response`: each method returns the response, read."""

    def __init__(self, reranking: Reranking) -> None:
        self.create: Final = as_raw(reranking.create)


@final
class RerankingWithStreamingResponse:
    """`client.reranking.with_streaming_response`: each gives the response, unread."""

    def __init__(self, reranking: Reranking) -> None:
        self.create: Final = as_streaming(reranking.create)
