"""`client.models`. Source: API reference, "Models"."""

from functools import cache
from typing import Final, Unpack, final

import msgspec

from trio_groq._api.model_knowledge import ModelKnowledge
from trio_groq._call import RequestOptions
from trio_groq._open_response import OpenResponse
from trio_groq._readers import Reader, json_reader
from trio_groq.resources._base import Resource, as_raw, as_streaming, segment
from trio_groq.types._base import Decoder
from trio_groq.types.models import Model, ModelDeleted, ModelListResponse

__all__ = ["Models", "ModelsWithRawResponse", "ModelsWithStreamingResponse"]

_PATH: Final = "/openai/v1/models"


# Built at the first call: decoders cost milliseconds that an import need not.
@cache
def _list_reader() -> Reader[ModelListResponse]:
    return json_reader(Decoder(ModelListResponse))


@cache
def _model_reader() -> Reader[Model]:
    return json_reader(Decoder(Model))


@cache
def _deleted_reader() -> Reader[ModelDeleted]:
    return json_reader(Decoder(ModelDeleted))


def _learning(
    reader: Reader[ModelListResponse], knowledge: ModelKnowledge
) -> Reader[ModelListResponse]:
    """The same, and what is read is taken over, by whichever form of the method it is read."""
    plain = reader.decode
    assert plain is not None  # noqa: S101 (it reads JSON)

    def decode(body: bytes, response: OpenResponse) -> ModelListResponse:
        listed = plain(body, response)
        knowledge.learn(listed.data)
        return listed

    strict = None if reader.strict is None else _learning(reader.strict, knowledge)
    return msgspec.structs.replace(reader, decode=decode, strict=strict)


def _path_of(model: str) -> str:
    return f"{_PATH}/{segment('model', model, slashes=True)}"


@final
class Models(Resource):
    """The models that an account can use."""

    @property
    def with_raw_response(self) -> "ModelsWithRawResponse":
        """The same methods, returning the response itself, read."""
        return ModelsWithRawResponse(Models(self._caller.raw()))

    @property
    def with_streaming_response(self) -> "ModelsWithStreamingResponse":
        """The same methods, for `async with`, giving the response itself, unread."""
        return ModelsWithStreamingResponse(Models(self._caller.streaming()))

    async def retrieve(self, model: str, **options: Unpack[RequestOptions]) -> Model:
        """Look one model up.

        Args:
            model: Its name, such as `openai/gpt-oss-120b`.
            options: See `RequestOptions`.

        Raises:
            InvalidRequestError: The name is not valid; nothing was sent.
            ModelNotFoundError: There is no such model, or not for this key.
            APIError: The call failed: see the error tree.
        """
        return await self._perform("GET", _path_of(model), _model_reader(), options)

    async def delete(self, model: str, **options: Unpack[RequestOptions]) -> ModelDeleted:
        """Delete a model of one's own making.

        Args:
            model: Its name.
            options: See `RequestOptions`.

        Raises:
            InvalidRequestError: The name is not valid; nothing was sent.
            PermissionDeniedError: The model belongs to somebody else.
            APIError: The call failed: see the error tree.
        """
        return await self._perform("DELETE", _path_of(model), _deleted_reader(), options)

    async def list(self, **options: Unpack[RequestOptions]) -> ModelListResponse:
        """List all models, in one piece. The client's catalog takes it over when it is read.

        Args:
            options: See `RequestOptions`.

        Raises:
            APIError: The call failed: see the error tree.
        """
        reader = _learning(_list_reader(), self._caller.knowledge)
        return await self._perform("GET", _PATH, reader, options)


@final
class ModelsWithRawResponse:
    """`client.models.with_raw_response`: each method returns the response, read."""

    def __init__(self, models: Models) -> None:
        self.list: Final = as_raw(models.list)
        self.retrieve: Final = as_raw(models.retrieve)
        self.delete: Final = as_raw(models.delete)


@final
class ModelsWithStreamingResponse:
    """`client.models.with_streaming_response`: each gives the response, unread."""

    def __init__(self, models: Models) -> None:
        self.list: Final = as_streaming(models.list)
        self.retrieve: Final = as_streaming(models.retrieve)
        self.delete: Final = as_streaming(models.delete)
