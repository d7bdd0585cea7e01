"""Each operation of the API's document: all that it documents is sent, and all of it is read.

The requests and responses are made of the document's schemas, so that what the document gains is
missed here until we have it, too.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest

from declared import undeclared
from lossless import lost
from openapi_calls import CALLS, FORMS, call
from openapi_document import Schema, is_valid, operations, reach, samples, schemas
from shared_data import needs_shared_data
from trio_groq import GroqClient
from trio_groq._api.batch_lines import BatchResponseLine
from trio_groq._api.responses import error_from_response
from trio_groq._http.messages import Headers
from trio_groq.testing import FakeGroq, RecordedRequest, Reply
from trio_groq.testing.forms import parse_form
from trio_groq.types._base import Decoder
from trio_groq.types.audio import TranscriptionVerbose, TranslationVerbose
from trio_groq.types.audio_params import (
    SpeechCreateParams,
    TranscriptionRequestBody,
    TranslationRequestBody,
)
from trio_groq.types.batches import BatchRequestLine
from trio_groq.types.batches_params import BatchCreateParams
from trio_groq.types.chat_params import ChatCompletionRequestBody
from trio_groq.types.chunks import ChatCompletionChunk
from trio_groq.types.embeddings_params import EmbeddingCreateParams
from trio_groq.types.fine_tunings_params import FineTuningCreateParams
from trio_groq.types.reranking_params import RerankingCreateParams
from trio_groq.types.responses_params import ResponseRequestBody

pytestmark = needs_shared_data

DECLARATIONS: Final[Mapping[str, Any]] = {
    "createBatch": BatchCreateParams,
    "createChatCompletion": ChatCompletionRequestBody,
    "createEmbedding": EmbeddingCreateParams,
    "createFineTuning": FineTuningCreateParams,
    "createReranking": RerankingCreateParams,
    "createResponse": ResponseRequestBody,
    "createSpeech": SpeechCreateParams,
    "createTranscription": TranscriptionRequestBody,
    "createTranslation": TranslationRequestBody,
}
"""Where the parameters of an operation are declared."""

NOT_DECLARED: Final = {
    "createChatCompletion": {".tools[].function": "a tool of the server's has none"},
    "createTranscription": {".file": "the method has it, for it is no JSON"},
    "createTranslation": {".file": "the method has it, for it is no JSON"},
}
"""Documented members of requests that no declaration has, each with the reason."""

NOT_READ: Final[Mapping[str, Mapping[str, str]]] = {
    "createResponse": {
        ".output[].summary[].key": "made up: a summary's members are not documented"
    },
}
"""Documented members of responses that no type has, by the operation, each with the reason."""

EXCLUSIVE: Final = {"createChatCompletion": ("include_reasoning", "reasoning_format")}
"""Parameters of which the document allows one alone, in words that no validator reads."""

TYPES: Final[Mapping[str, Any]] = {
    "BatchRequestInput": BatchRequestLine,
    "BatchRequestOutput": BatchResponseLine,
    "CreateChatCompletionStreamResponse": ChatCompletionChunk,
    "CreateTranscriptionResponseVerboseJson": TranscriptionVerbose,
    "CreateTranslationResponseVerboseJson": TranslationVerbose,
}
"""The types of schemas that no operation refers to."""

UNUSED: Final = {
    "ChatCompletionRole": "an enumeration that nothing refers to; roles are texts",
    "ChatCompletionStreamOptions": "documented, but in no request; recorded traffic has it",
    "ErrorResponse": "read as an exception: see the test of errors",
}
"""Schemas that neither an operation nor a type of ours refers to, each with the reason."""

STREAM: Final = Reply.raw(
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 14\r\n\r\n"
    b"data: [DONE]\n\n"
)

OPERATIONS = pytest.mark.parametrize("name", CALLS)


def request_samples(name: str, *, null: bool = False) -> list[dict[str, Any]]:
    """Parameters of an operation, those in the path among them: all that are documented."""
    operation = operations()[name]
    in_path = dict.fromkeys(operation.parameters, "text")
    found = samples(operation.request, null=null) if operation.request else [{}]
    made = []
    for number, params in enumerate(found):
        exclusive = EXCLUSIVE.get(name)
        left_out = exclusive[number % 2] if exclusive else None
        given = {key: value for key, value in params.items() if key != left_out}
        made.append({**in_path, **given})
    return made


def reply_to(name: str, params: Mapping[str, Any]) -> Reply:
    """An answer that will do."""
    if params.get("stream"):
        return STREAM
    responses = operations()[name].responses
    return Reply.json(samples(responses.get("application/json", {"type": "string"}))[0])


def form_of(request: RecordedRequest, schema: Schema) -> dict[str, Any]:
    """The fields of a form with the types that the schema has for them."""
    form = parse_form(request)
    types = schemas()[schema["$ref"].rpartition("/")[2]]["properties"]
    made: dict[str, Any] = {name: file.data.decode() for name, file in form.files.items()}
    for field, texts in form.fields.items():
        name = field.removesuffix("[]")
        kind = types.get(name, {}).get("type", "string")
        if kind == "array":
            made[name] = texts
        else:
            (text,) = texts
            made[name] = text if kind == "string" else json.loads(text)
    return made


def sent(name: str, request: RecordedRequest) -> dict[str, Any]:
    """The parameters that a request has in its body."""
    if name in FORMS:
        return form_of(request, operations()[name].request)
    return dict(request.params)


def test_there_is_a_method_for_each_operation() -> None:
    assert operations().keys() == CALLS.keys()
    assert len(CALLS) == 23


@OPERATIONS
@pytest.mark.parametrize("null", [False, True], ids=["values", "nulls"])
@pytest.mark.filterwarnings("ignore")  # of deprecated parameters, and of the conversation
async def test_all_that_is_documented_is_sent_as_documented(name: str, null: bool) -> None:
    operation = operations()[name]
    path = operation.path
    for parameter in operation.parameters:
        path = path.replace(f"{{{parameter}}}", "text")
    async with FakeGroq() as server, GroqClient("gsk_test", base_url=server.url) as client:
        for params in request_samples(name, null=null):
            server.enqueue(reply_to(name, params))
            await call(client, name, params)
            request = server.requests[-1]
            assert (request.method, request.path) == (operation.method, path)
            body = sent(name, request)
            assert body == {
                key: value for key, value in params.items() if key not in operation.parameters
            }
            if operation.request:
                assert is_valid(body, operation.request) == []


@pytest.mark.parametrize("name", DECLARATIONS)
def test_all_that_is_documented_is_declared(name: str) -> None:
    found = {
        path for params in request_samples(name) for path in undeclared(params, DECLARATIONS[name])
    }
    assert found == NOT_DECLARED.get(name, {}).keys()


def test_every_request_has_its_declaration() -> None:
    bodies = {name for name, operation in operations().items() if operation.request}
    assert bodies - {"uploadFile"} == DECLARATIONS.keys()


def not_read(stated: Any, answer: Any) -> dict[str, str]:
    """What is lost of a response, by path."""
    return dict(lost(stated, json.loads(msgspec.json.encode(answer))))


def reply_of(media_type: str, stated: Any) -> Reply:
    """A value of a schema as a response."""
    body = (json.dumps(stated) if media_type == "application/json" else stated).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return Reply.raw(head.encode() + body)


def request_for(name: str, media_type: str) -> dict[str, Any]:
    """Parameters that ask for a response of a media type."""
    params = request_samples(name)[-1]
    params.pop("stream", None)
    if name in FORMS:
        params.pop("response_format", None)
    return params | ({"response_format": "text"} if media_type == "text/plain" else {})


@OPERATIONS
@pytest.mark.parametrize("null", [False, True], ids=["values", "nulls"])
@pytest.mark.filterwarnings("ignore")  # of deprecated parameters, and of the conversation
async def test_all_that_is_documented_is_read(name: str, null: bool) -> None:
    lost_at: dict[str, str] = {}
    async with FakeGroq() as server, GroqClient("gsk_test", base_url=server.url) as client:
        for media_type, schema in operations()[name].responses.items():
            for stated in samples(schema, null=null):
                assert is_valid(stated, schema) == []
                server.enqueue(reply_of(media_type, stated))
                answer = await call(client, name, request_for(name, media_type))
                if media_type == "application/json":
                    lost_at |= not_read(stated, answer)
                else:
                    assert answer in {stated, stated.encode()}
    assert lost_at.keys() == NOT_READ.get(name, {}).keys()


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("null", [False, True], ids=["values", "nulls"])
def test_what_no_operation_refers_to_is_read(name: str, null: bool) -> None:
    decode = Decoder(TYPES[name]).decode
    for stated in samples({"$ref": f"#/components/schemas/{name}"}, null=null):
        assert not_read(stated, decode(json.dumps(stated).encode())) == {}


def test_every_schema_is_used() -> None:
    roots: list[Any] = [{"$ref": f"#/components/schemas/{name}"} for name in (*TYPES, *UNUSED)]
    for operation in operations().values():
        roots += [operation.request, *operation.responses.values()]
    assert schemas().keys() == set(reach(roots))
    used = set(reach(roots[: len(TYPES)] + roots[len(TYPES) + len(UNUSED) :]))
    assert used.isdisjoint(UNUSED)


def test_every_documented_member_of_an_error_is_kept() -> None:
    for stated in samples({"$ref": "#/components/schemas/ErrorResponse"}):
        error = error_from_response(400, Headers(()), json.dumps(stated).encode(), now=0.0)
        assert error.body == stated
        for name in ("code", "type", "param", "failed_generation"):
            assert getattr(error, name) == "text"
        assert "text" in error.message
