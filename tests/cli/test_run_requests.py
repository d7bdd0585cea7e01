from typing import Any

import pytest

from cli.run_files import MODEL
from trio_groq.cli._run_overrides import parse_override
from trio_groq.cli._run_requests import RunRequest, Shape, Tokens, digest_of
from trio_groq.errors import InvalidRequestError

CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "Hello"}]
BODY: dict[str, Any] = {"model": MODEL, "messages": MESSAGES}


def batch(**changes: Any) -> dict[str, Any]:
    return {"custom_id": "a", "method": "POST", "url": CHAT, "body": BODY, **changes}


def made(fields: dict[str, Any], shape: Shape | None = None, line: int = 7) -> RunRequest:
    return (shape or Shape()).request(line, fields)


def test_a_line_of_a_batch() -> None:
    request = made(batch())
    assert (request.line, request.custom_id, request.model) == (7, "a", MODEL)
    assert (request.path, request.body) == ("/openai/v1/chat/completions", BODY)
    assert not request.streamed


def test_a_prompt() -> None:
    request = made({"prompt": "Hello", "model": MODEL, "temperature": 1})
    assert request.custom_id == "line-7"
    assert request.path == "/openai/v1/chat/completions"
    assert request.body == {**BODY, "temperature": 1}
    assert made({"prompt": "Hello", "model": MODEL, "custom_id": "b"}).custom_id == "b"


def test_a_body_may_have_a_prompt_of_its_own() -> None:
    request = made(batch(url="/v1/images", body={"prompt": "a cat"}, prompt="ignored"))
    assert (request.body, request.model) == ({"prompt": "a cat"}, "")


@pytest.mark.parametrize("url", ["/v1/embeddings", "/openai/v1/embeddings"])
def test_any_endpoint(url: str) -> None:
    request = made(batch(url=url, body={"input": "x", "model": 5}))
    assert (request.path, request.model) == ("/openai/v1/embeddings", "")
    assert request.estimate() == Tokens(-(-request.size // 4))


def test_what_all_have_in_common_wins() -> None:
    shape = Shape(model="other", overrides=(parse_override("body.temperature=0"),), stream=True)
    request = made(batch(body={**BODY, "temperature": 2}), shape)
    assert request.body == {**BODY, "model": "other", "temperature": 0}
    assert request.streamed
    assert BODY["model"] == MODEL
    assert not made(batch(url="/v1/embeddings", body={"input": "x"}), shape).streamed


@pytest.mark.parametrize(("stream", "streamed"), [(True, True), (False, False), (None, False)])
def test_a_line_may_ask_for_a_stream(stream: object, streamed: bool) -> None:
    request = made(batch(body={**BODY, "stream": stream}))
    assert (request.streamed, request.body) == (streamed, BODY)
    assert request.digest == made(batch()).digest


SAME = batch(body=dict(reversed(BODY.items())))
DIFFERENT = [
    batch(custom_id="b"),
    batch(url="/v1/responses"),
    batch(body={**BODY, "seed": 1}),
]


def test_a_digest_tells_requests_apart_by_what_they_ask() -> None:
    first = made(batch())
    assert made(SAME, line=9).digest == first.digest
    assert len({made(fields).digest for fields in (batch(), *DIFFERENT)}) == 1 + len(DIFFERENT)
    assert len(first.digest) == 16
    assert digest_of("a", "bc") != digest_of("ab", "c")


@pytest.mark.parametrize(
    ("more", "completion"),
    [({}, 1024), ({"max_completion_tokens": 5}, 5), ({"max_tokens": 6}, 6)],
)
def test_an_estimate_is_what_the_body_allows(more: dict[str, Any], completion: int) -> None:
    request = made(batch(body={**BODY, **more}))
    assert request.estimate() == Tokens(-(-request.size // 4), completion)


def test_tokens_add_up() -> None:
    assert Tokens(1, 2) + Tokens(10, 20) == Tokens(11, 22)
    assert Tokens(1, 2).total == 3


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "custom_id: expected"),
    "no name": (batch(custom_id=""), "custom_id: "),
    "a name that is none": ({"prompt": "x", "model": "m", "custom_id": 5}, "custom_id: "),
    "another method": (batch(method="GET"), "method: expected 'POST', got 'GET'"),
    "a url that is none": (batch(url=5), "url: "),
    "another site": (batch(url="//evil/v1/x"), "url: expected a path of the API"),
    "upwards": (batch(url="/v1/../x"), "url: expected a path of the API"),
    "a query": (batch(url="/v1/x?y=1"), "url: expected a path of the API"),
    "no version": (batch(url="/chat"), "url: expected a path of the API"),
    "no body": ({"custom_id": "a", "method": "POST", "url": CHAT}, "body: "),
    "a body that is none": (batch(body=[1]), "body: "),
    "no model": ({"prompt": "x"}, "body.model: expected"),
    "no messages": (batch(body={"model": MODEL}), "body.messages: expected"),
    "a parameter": (batch(body={**BODY, "temperature": 9}), "body.temperature: expected"),
    "openai's path": (batch(url=f"/openai{CHAT}", body={"model": "m"}), "body.messages: expected"),
    "a prompt that is none": ({"prompt": ["x"]}, "prompt: expected text, got list"),
    "both": ({"prompt": "x", "messages": []}, "messages: expected none beside a prompt"),
    "a stream of what": (batch(body={**BODY, "stream": 1}), "body.stream: expected true for"),
    "a stream elsewhere": (batch(url="/v1/x", body={"stream": True}), "body.stream: expected true"),
}


@pytest.mark.parametrize(("fields", "message"), WRONG.values(), ids=WRONG)
def test_a_line_that_is_not_valid(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        made(fields)
    assert str(caught.value).startswith(message)
