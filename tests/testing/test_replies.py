"""Replies: what may be scripted, and what their class methods make."""

from typing import Any

import attrs
import msgspec
import pytest

from trio_groq.testing import Fault, Reply, ToolCall


def test_a_reply_with_content_is_a_chat_reply() -> None:
    assert Reply(content="Hi").is_chat
    assert not Reply.json({}).is_chat
    assert not Reply.error(500, "x").is_chat
    assert not Reply.raw(b"x").is_chat


def test_a_reply_is_varied_with_evolve() -> None:
    reply = attrs.evolve(Reply.error(503, "busy"), fault=Fault.reset(3), close_after=True)
    assert reply.fault == Fault.reset(3)
    assert reply.status == 503


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            Reply.error(400, "no", code="bad", param="n"),
            {"message": "no", "type": "invalid_request_error", "param": "n", "code": "bad"},
        ),
        (Reply.error(503, "no"), {"message": "no", "type": "internal_server_error"}),
        (
            Reply.error(429, "no", type="tokens", code=429, failed_generation=""),
            {"message": "no", "type": "tokens", "code": 429, "failed_generation": ""},
        ),
    ],
)
def test_an_error_has_the_api_s_body(reply: Reply, expected: dict[str, object]) -> None:
    assert reply.body is not None
    assert msgspec.json.decode(reply.body) == {"error": expected}


@pytest.mark.parametrize(
    ("given", "sent"), [(7, "7"), (7.0, "7"), (0.25, "0.25"), ("Wed, 21 Oct", "Wed, 21 Oct")]
)
def test_retry_after_is_sent_as_the_api_sends_it(given: float | str, sent: str) -> None:
    reply = Reply.error(429, "slow", retry_after=given, headers=[("x-a", "b")])
    assert reply.headers == (("retry-after", sent), ("x-a", "b"))


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [("{}", "{}"), ({"a": [1]}, '{"a":[1]}'), ("not json", "not json")],
)
def test_arguments_of_a_call_are_text(arguments: Any, sent: str) -> None:
    assert ToolCall("f", arguments).arguments_json == sent


def test_a_rate_is_an_interval() -> None:
    assert Reply(tokens_per_second=50).interval == 0.02
    assert Reply(token_interval=0.3).interval == 0.3


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"framing": "gzip"}, "Reply.framing: expected one of 'chunked', 'close', .*got 'gzip'"),
        ({"usage_in": "x"}, "Reply.usage_in: expected one of .*got 'x'"),
        ({"events_per_chunk": 0}, "Reply.events_per_chunk: expected at least 1, got 0"),
        ({"token_interval": -1.0}, "Reply.token_interval: expected at least 0, got -1.0"),
        ({"head_delay": float("nan")}, "Reply.head_delay: expected at least 0, got nan"),
        ({"tokens_per_second": 0}, "Reply.tokens_per_second: expected at least"),
        ({"status": 101}, "Reply.status: expected at least 200, got 101"),
        (
            {"token_interval": 1.0, "tokens_per_second": 2.0},
            "expected token_interval or tokens_per_second, got both",
        ),
    ],
)
def test_an_impossible_reply_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reply(**fields)
