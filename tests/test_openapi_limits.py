"""The limits of the API's document are the limits of the parameters: no wider, and no narrower."""

from collections.abc import Iterator
from typing import Any, Final

import attrs
import pytest

from openapi_document import Schema, operations, samples, schemas
from shared_data import needs_shared_data
from trio_groq import InvalidRequestError
from trio_groq._api.parameters import Validator
from trio_groq.types.audio_params import SpeechCreateParams
from trio_groq.types.chat_params import ChatCompletionRequestBody
from trio_groq.types.embeddings_params import EmbeddingCreateParams
from trio_groq.types.reranking_params import RerankingCreateParams
from trio_groq.types.responses_params import ResponseRequestBody

pytestmark = needs_shared_data

DECLARATIONS: Final[dict[str, type]] = {
    "createChatCompletion": ChatCompletionRequestBody,
    "createEmbedding": EmbeddingCreateParams,
    "createReranking": RerankingCreateParams,
    "createResponse": ResponseRequestBody,
    "createSpeech": SpeechCreateParams,
}
"""The operations whose parameters have limits."""


@attrs.frozen
class Limit:
    """A limit of a parameter.

    Attributes:
        operation: The operation's name.
        parameter: Its parameter.
        within: The last value that is allowed.
        beyond: The first value that is not.
    """

    operation: str
    parameter: str
    within: Any = attrs.field(repr=False)
    beyond: Any = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"{self.operation}.{self.parameter}"


def limits_of(schema: Schema) -> Iterator[tuple[Any, Any]]:
    """The last value within each limit, and the first one beyond it."""
    if "minimum" in schema:
        yield schema["minimum"], schema["minimum"] - 1
    if "maximum" in schema:
        yield schema["maximum"], schema["maximum"] + 1
    if "maxItems" in schema or "minItems" in schema:
        item = samples(schema["items"])[0]
        if least := schema.get("minItems", 0):
            yield [item] * least, [item] * (least - 1)
        if "maxItems" in schema:
            yield [item] * schema["maxItems"], [item] * (schema["maxItems"] + 1)
    for each in schema.get("oneOf", ()):
        yield from limits_of(each)


def limits() -> Iterator[Limit]:
    """Every limit of every parameter that the document has."""
    for name, operation in operations().items():
        reference = operation.request.get("$ref", "")
        schema = schemas()[reference.rpartition("/")[2]] if reference else operation.request
        for parameter, each in schema.get("properties", {}).items():
            for within, beyond in limits_of(each):
                yield Limit(name, parameter, within, beyond)


LIMITS: Final = list(limits())


def test_the_limits_are_there() -> None:
    assert len(LIMITS) >= 20
    assert {limit.operation for limit in LIMITS} == DECLARATIONS.keys()


@pytest.mark.parametrize("limit", LIMITS, ids=str)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_limit_is_the_documented_one(limit: Limit) -> None:
    params = samples(operations()[limit.operation].request)[0]
    params.pop("reasoning_format", None)  # not beside include_reasoning
    check = Validator(DECLARATIONS[limit.operation])
    check({**params, limit.parameter: limit.within})
    with pytest.raises(InvalidRequestError) as raised:
        check({**params, limit.parameter: limit.beyond})
    assert raised.value.path == limit.parameter
