"""What the resources share: calls out of arguments, and ids in paths."""

from typing import Any

import msgspec
import pytest

from trio_groq._api.requests import JSON
from trio_groq._call import NOT_GIVEN, RequestOptions
from trio_groq._http.bodies import BytesSource, OpenBody, Progress
from trio_groq.errors import InvalidRequestError
from trio_groq.resources._base import collect, make_call, segment

NONE: RequestOptions = {}


class Content:
    """A body that is no JSON."""

    length = 3
    replayable = True
    progress: Progress | None = None

    def open(self) -> OpenBody:
        return BytesSource(b"abc").open()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("file_1", "file_1"),
        ("a b", "a%20b"),
        ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("ä", "%C3%A4"),
        ("\ud800", "%3F"),
    ],
)
def test_an_id_becomes_a_segment(value: str, expected: str) -> None:
    assert segment("file_id", value) == expected


def test_slashes_belong_to_names_of_models() -> None:
    assert segment("model", "openai/gpt oss", slashes=True) == "openai/gpt%20oss"


@pytest.mark.parametrize("value", ["", " ", None, 1, ".", "..", b"a"])
def test_what_is_no_id_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="file_id: expected") as caught:
        segment("file_id", value)
    assert caught.value.path == "file_id"


@pytest.mark.parametrize("value", ["a/../b", "/a", "a/", "a//b", "./a"])
def test_a_model_leads_to_no_other_path(value: str) -> None:
    with pytest.raises(InvalidRequestError, match="expected an id, got a path"):
        segment("model", value, slashes=True)


def test_parameters_become_json_and_extra_fields_win() -> None:
    options = RequestOptions(extra_body={"b": 3, "c": None})
    call = make_call("POST", "/x", options, params={"a": 1, "b": 2})
    assert isinstance(call.body, bytes)
    assert msgspec.json.decode(call.body) == {"a": 1, "b": 3, "c": None}
    assert (call.method, call.path, call.content_type, call.accept) == ("POST", "/x", JSON, JSON)


def test_without_parameters_there_is_no_body() -> None:
    call = make_call("GET", "/x", NONE)
    assert (call.body, call.content_type) == (b"", None)
    assert make_call("POST", "/x", NONE, params={}).body == b"{}"


def test_extra_fields_alone_are_a_body() -> None:
    assert make_call("POST", "/x", RequestOptions(extra_body={"a": 1})).body == b'{"a":1}'


def test_query_parameters_that_are_none_are_left_out_and_extra_ones_win() -> None:
    options = RequestOptions(extra_query={"b": 3, "c": None}, extra_headers={"X-A": "1"})
    call = make_call("GET", "/x", options, query={"a": None, "b": 2, "d": True})
    assert call.query == {"b": 3, "c": None, "d": True}
    assert call.headers == {"X-A": "1"}


def test_a_body_of_ones_own_is_taken_as_it_is() -> None:
    body = Content()
    call = make_call("POST", "/x", NONE, content=body, content_type="a/b")
    assert call.body is body
    assert call.content_type == "a/b"


def test_options_are_collected() -> None:
    assert collect(None, {"a": 1}, None, 3.0, NOT_GIVEN) == {
        "extra_headers": None,
        "extra_query": {"a": 1},
        "extra_body": None,
        "timeout": 3.0,
        "max_retries": NOT_GIVEN,
    }
