"""Bodies of chat completions and the events of streams."""

from typing import Any

import msgspec
import pytest

from raw_http import sse_data
from trio_groq.testing import Reply, ToolCall
from trio_groq.testing.chat import Names, completion_body, completion_seconds, stream_events

PARAMS: dict[str, Any] = {
    "model": "llama-3.1-8b-instant",
    "messages": [{"role": "user", "content": "Hello"}],
}
NAMES = Names(1)
CALL = ToolCall("add", {"a": 1})


def completion(reply: Reply) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(completion_body(reply, PARAMS, NAMES))
    return body


def stream(reply: Reply, **params: Any) -> list[Any]:
    beats = stream_events(reply, {**PARAMS, **params}, NAMES)
    return sse_data(b"".join(beat.data for beat in beats))


def deltas(chunks: list[Any]) -> list[Any]:
    return [chunk["choices"][0]["delta"] for chunk in chunks if chunk != "[DONE]"]


def test_names_differ_by_response_and_never_by_run() -> None:
    assert Names(1) == Names(1)
    for name in ("completion", "request", "created"):
        assert getattr(Names(1), name) == getattr(Names(1), name)
        assert getattr(Names(1), name) != getattr(Names(2), name)
    assert NAMES.completion.startswith("chatcmpl-")
    assert len(NAMES.request) == len("req_") + 26
    assert NAMES.tool_call(0) != NAMES.tool_call(1)


def test_a_whole_completion() -> None:
    body = completion(Reply(content="Two words", reasoning="Hm"))
    assert body["object"] == "chat.completion"
    assert body["model"] == PARAMS["model"]
    assert body["system_fingerprint"].startswith("fp_")
    assert body["x_groq"] == {"id": NAMES.request}
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Two words", "reasoning": "Hm"},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert body["usage"]["completion_tokens"] == 3
    assert body["usage"]["completion_tokens_details"] == {"reasoning_tokens": 1}


def test_content_is_missing_beside_tool_calls() -> None:
    (choice,) = completion(Reply(tool_calls=[CALL, ToolCall("sub", "{", "mine")]))["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"] == {
        "role": "assistant",
        "tool_calls": [
            {
                "id": NAMES.tool_call(0),
                "type": "function",
                "function": {"name": "add", "arguments": '{"a":1}'},
            },
            {"id": "mine", "type": "function", "function": {"name": "sub", "arguments": "{"}},
        ],
    }


def test_content_is_null_without_tool_calls() -> None:
    assert completion(Reply())["choices"][0]["message"] == {"role": "assistant", "content": None}


def test_tokens_are_the_content() -> None:
    assert completion(Reply(tokens=["a", "b"]))["choices"][0]["message"]["content"] == "ab"


def test_scripted_fields_replace_counted_ones() -> None:
    body = completion(Reply(content="x", usage={"total_tokens": 9}, model="m", finish_reason="new"))
    assert (body["usage"], body["model"]) == ({"total_tokens": 9}, "m")
    assert body["choices"][0]["finish_reason"] == "new"


def test_a_stream_has_the_shape_of_the_api_s() -> None:
    first, *middle, last, done = stream(Reply(content="One two three"))
    assert first["choices"] == [
        {
            "index": 0,
            "delta": {"role": "assistant", "content": ""},
            "logprobs": None,
            "finish_reason": None,
        }
    ]
    assert first["x_groq"] == {"id": NAMES.request}
    assert deltas(middle) == [{"content": "One"}, {"content": " two"}, {"content": " three"}]
    assert all("x_groq" not in chunk and "usage" not in chunk for chunk in middle)
    assert last["choices"][0]["delta"] == {}
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["usage"]["completion_tokens"] == 3
    assert last["x_groq"] == {"id": NAMES.request, "usage": last["usage"]}
    assert done == "[DONE]"
    chunks = [first, *middle, last]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    for name in ("id", "created", "model", "system_fingerprint"):
        assert len({chunk[name] for chunk in chunks}) == 1


@pytest.mark.parametrize(
    ("where", "top", "inner"),
    [
        ("both", True, True),
        ("top", True, False),
        ("x_groq", False, True),
        ("none", False, False),
    ],
)
def test_usage_is_where_it_was_scripted(where: Any, top: bool, inner: bool) -> None:
    last = stream(Reply(content="x", usage_in=where))[-2]
    assert ("usage" in last, "usage" in last["x_groq"]) == (top, inner)


def test_usage_in_a_chunk_of_its_own_for_those_who_ask() -> None:
    last, usage, done = stream(Reply(content="x"), stream_options={"include_usage": True})[-3:]
    assert usage["choices"] == []
    assert usage["usage"] == last["usage"]
    assert usage["service_tier"] == "on_demand"
    assert done == "[DONE]"


def test_thoughts_come_first_and_name_their_channel_where_models_do() -> None:
    assert deltas(stream(Reply(content="a", reasoning="b c")))[1:-1] == [
        {"reasoning": "b"},
        {"reasoning": " c"},
        {"content": "a"},
    ]
    harmony = stream(Reply(reasoning="b"), model="openai/gpt-oss-20b")
    assert deltas(harmony)[1] == {"reasoning": "b", "channel": "analysis"}


def test_a_call_is_streamed_whole_and_content_is_null() -> None:
    first, call, last, _ = stream(Reply(tool_calls=[CALL]))
    assert deltas([first]) == [{"role": "assistant", "content": None}]
    (sent,) = call["choices"][0]["delta"]["tool_calls"]
    assert (sent["index"], sent["function"]["name"]) == (0, "add")
    assert last["choices"][0]["finish_reason"] == "tool_calls"


def test_a_stream_may_lack_its_end() -> None:
    assert stream(Reply(content="x", done=False))[-1]["choices"][0]["finish_reason"] == "stop"
    unfinished = stream(Reply(content="x", done=False, finish=False))
    assert unfinished[-1]["choices"][0]["delta"] == {"content": "x"}


@pytest.mark.parametrize(("after", "sent"), [(None, 3), (0, 0), (2, 2)])
def test_an_error_event_ends_a_stream(after: int | None, sent: int) -> None:
    error = {"message": "no", "status_code": 400}
    reply = Reply(content="a b c", error_event=error, error_after=after)
    beats = list(stream_events(reply, PARAMS, NAMES))
    assert beats[-1].data.startswith(b"event: error\ndata: ")
    chunks = stream(reply)
    assert chunks[-1] == {"error": error}
    assert len(chunks) == 1 + sent + 1


def test_the_first_token_comes_with_the_role_and_the_end_with_the_last() -> None:
    reply = Reply(content="a b c", first_token_delay=2.0, token_interval=0.5)
    assert [beat.delay for beat in stream_events(reply, PARAMS, NAMES)] == [2, 0, 0.5, 0.5, 0, 0]
    assert completion_seconds(reply) == 3.0
    assert completion(reply)["usage"]["completion_time"] == 3.0
