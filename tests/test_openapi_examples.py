"""The examples of the API's document: the requests are sent as shown, the responses read whole."""

import json
from typing import Any, Final

import msgspec
import pytest

from lossless import lost
from openapi_calls import FORMS, call
from openapi_document import Example, is_valid, operations
from shared_data import needs_shared_data
from trio_groq import GroqClient
from trio_groq.testing import FakeGroq, Reply
from trio_groq.testing.forms import parse_form

pytestmark = needs_shared_data

EXAMPLES: Final = [
    (name, example) for name, operation in operations().items() for example in operation.examples
]

NOT_SHOWN: Final = {"createEmbedding", "deleteModel"}
"""Operations without an example."""

ANSWER: Final = {"id": "text", "object": "text"}
"""What is answered where no response is shown."""


def params_of(name: str, example: Example) -> dict[str, Any]:
    """The parameters of an example; a file has made-up content."""
    operation = operations()[name]
    in_path: dict[str, str] = {}
    if operation.parameters:
        assert example.path is not None
        shown = example.path.split("/")
        (at,) = [at for at, step in enumerate(operation.path.split("/")) if "{" in step]
        in_path = {operation.parameters[0]: shown[at]}
    form = {key: "{}" if key == "file" else value for key, value in example.form.items()}
    return {**in_path, **form, **(example.json or {})}


def test_there_are_examples() -> None:
    shown = {name for name, operation in operations().items() if operation.examples}
    assert operations().keys() - shown == NOT_SHOWN
    assert len(EXAMPLES) >= 22


def named(value: object) -> str:
    return value.title if isinstance(value, Example) else str(value)


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=named)
async def test_a_request_is_sent_as_it_is_shown(name: str, example: Example) -> None:
    operation = operations()[name]
    params = params_of(name, example)
    async with FakeGroq() as server, GroqClient("gsk_test", base_url=server.url) as client:
        server.enqueue(Reply.json(ANSWER if example.response is None else example.response))
        await call(client, name, params)
    (request,) = server.requests
    if name in FORMS:
        form = parse_form(request)
        fields = {field: text for field, (text,) in form.fields.items()}
        assert {**fields, "file": form.files["file"].data.decode()} == params
    else:
        assert request.json == example.json
    if operation.request and name not in FORMS:
        assert is_valid(request.json, operation.request) == []
    assert request.method == (example.method or operation.method)
    assert request.path == (example.path or operation.path).replace(":", "%3A")


@pytest.mark.parametrize(
    ("name", "example"), [each for each in EXAMPLES if each[1].response is not None], ids=named
)
async def test_a_response_is_read_whole(name: str, example: Example) -> None:
    async with FakeGroq() as server, GroqClient("gsk_test", base_url=server.url) as client:
        server.enqueue(Reply.json(example.response))
        answer = await call(client, name, params_of(name, example))
    assert list(lost(example.response, json.loads(msgspec.json.encode(answer)))) == []
