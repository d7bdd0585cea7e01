"""What is remembered of a request."""

from trio_groq.testing import RecordedRequest

REQUEST = RecordedRequest(
    method="POST",
    path="/x",
    headers=((b"authorization", b"Bearer secret"), (b"x-a", b"1"), (b"x-a", b"2")),
    body=b"12345",
    json=[1],
    connection=1,
    received_at=0.0,
)


def test_a_header_is_found_in_any_case_and_joined() -> None:
    assert REQUEST.header("X-A") == "1, 2"
    assert REQUEST.header("x-b") is None


def test_params_are_an_object_or_empty() -> None:
    assert REQUEST.params == {}


def test_repr_shows_neither_key_nor_body() -> None:
    assert "secret" not in repr(REQUEST)
    assert "<5 bytes>" in repr(REQUEST)
