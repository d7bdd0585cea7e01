"""The table of endpoints: which path is whose."""

from collections.abc import Mapping

import pytest

from trio_groq.testing.endpoints import Endpoint, Table
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply


def answer(_request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
    return Reply()


def other(_request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
    return Reply()


TABLE = Table(
    [
        Endpoint("GET", "/files", answer),
        Endpoint("POST", "/files", other),
        Endpoint("GET", "/files/{id}", answer),
        Endpoint("DELETE", "/files/{id}", other),
        Endpoint("GET", "/files/{id}/content", answer),
        Endpoint("GET", "/models/{name...}", answer),
        Endpoint("GET", "/a.b/{x}/{y...}", answer),
    ]
)


@pytest.mark.parametrize(
    ("path", "methods", "names"),
    [
        ("/files", {"GET", "POST"}, {}),
        ("/files/f-1", {"GET", "DELETE"}, {"id": "f-1"}),
        ("/files/f%2F1", {"GET", "DELETE"}, {"id": "f/1"}),
        ("/files/f-1/content", {"GET"}, {"id": "f-1"}),
        ("/models/openai/gpt-oss-20b", {"GET"}, {"name": "openai/gpt-oss-20b"}),
        ("/a.b/1/2/3", {"GET"}, {"x": "1", "y": "2/3"}),
    ],
)
def test_a_path_is_found(path: str, methods: set[str], names: dict[str, str]) -> None:
    answers, found = TABLE.find(path)
    assert set(answers) == methods
    assert found == names


def test_each_method_has_its_answer() -> None:
    answers, _ = TABLE.find("/files")
    assert (answers["GET"], answers["POST"]) == (answer, other)


@pytest.mark.parametrize(
    "path", ["", "/", "/file", "/files/", "/files/a/b", "/models", "/models/", "/axb/1/2"]
)
def test_other_paths_are_nobodys(path: str) -> None:
    assert TABLE.find(path) == ({}, {})
