"""What a request asks of its model in vain."""

from typing import Any

import pytest

from trio_groq._api.model_checks import (
    CHARS_PER_TOKEN,
    find_misuses,
    find_other_kind,
    find_response_misuses,
)
from trio_groq.catalog import ModelInfo
from trio_groq.types.chat import ChatCompletionMessage

USER = {"role": "user", "content": "Hello"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://images.test/a.png"}}
TEXT = {"type": "text", "text": "What is this?"}
SEEN = {"role": "user", "content": [TEXT, IMAGE, IMAGE]}
TOOL = {"type": "function", "function": {"name": "look"}}

PLAIN = ModelInfo(
    name="plain", context_window=100, max_completion_tokens=50, capabilities=frozenset({"text"})
)
ABLE = ModelInfo(name="able", capabilities=frozenset({"text", "tools", "vision"}))
SPEAKER = ModelInfo(name="speaker", capabilities=frozenset({"speech", "audio", "tools", "vision"}))
UNKNOWN = ModelInfo(name="unknown")


def found(model: ModelInfo, body_length: int = 0, **params: Any) -> list[str]:
    params = {"messages": [USER], "model": model.name, **params}
    return [str(misuse) for misuse in find_misuses(model, params, body_length)]


@pytest.mark.parametrize("model", [PLAIN, ABLE, UNKNOWN], ids=lambda model: model.name)
def test_a_usual_request_is_not_found_at_fault(model: ModelInfo) -> None:
    assert found(model, 500, temperature=0.5, max_completion_tokens=50, tools=None) == []


@pytest.mark.parametrize("model", [ABLE, UNKNOWN], ids=lambda model: model.name)
def test_what_a_model_can_do_or_may_be_able_to(model: ModelInfo) -> None:
    assert found(model, 10**9, messages=[SEEN], tools=[TOOL], max_tokens=10**9) == []


def test_tools() -> None:
    assert found(PLAIN, tools=[TOOL]) == ["tools: expected none for plain, got some"]
    assert found(PLAIN, tools=[]) == []


def test_images() -> None:
    message = "expected text, as plain sees no images, got an image"
    assert found(PLAIN, messages=[USER, SEEN]) == [f"messages[1].content[1]: {message}"]
    assert found(PLAIN, messages=[{"role": "user", "content": [TEXT, "odd"]}]) == []
    assert found(PLAIN, messages=[ChatCompletionMessage(role="assistant", content="Hi")]) == []


def test_another_kind_of_model() -> None:
    said = found(SPEAKER)
    got = "speaker, a model for audio, speech, tools, vision"
    assert said == [f"model: expected one that answers conversations, got {got}"]


@pytest.mark.parametrize("name", ["max_completion_tokens", "max_tokens"])
def test_the_longest_answer(name: str) -> None:
    assert found(PLAIN, 0, **{name: 50}) == []
    params: dict[str, Any] = {name: None}
    assert found(PLAIN, **params) == []
    assert found(PLAIN, 0, **{name: 51}) == [f"{name}: expected at most 50 for plain, got 51"]


LONG = "x" * (101 * CHARS_PER_TOKEN)
TOO_LONG = "messages: expected at most 100 tokens for plain, got 101 by the lowest estimate"


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": LONG}],
        [{"role": "user", "content": [{"type": "text", "text": LONG}, TEXT | {"text": None}, ""]}],
        [{"role": "user", "content": LONG[:400]}, {"role": "user", "content": LONG[400:]}],
        [ChatCompletionMessage(role="assistant", content=LONG)],
    ],
    ids=["text", "parts", "two messages", "an answer"],
)
def test_the_context_window(messages: list[Any]) -> None:
    assert found(PLAIN, len(LONG) + 50, messages=messages) == [TOO_LONG]


def test_what_is_long_but_no_prompt() -> None:
    tools: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": []}
    long_image = {"role": "user", "content": [{"type": "other", "image_url": {"url": LONG}}]}
    fits = {"role": "user", "content": LONG[: 100 * CHARS_PER_TOKEN]}
    for messages in ([tools], [long_image], [fits]):
        assert found(PLAIN, 10**6, messages=messages) == []


def test_a_body_that_cannot_be_too_long_is_not_looked_at() -> None:
    class Untouchable(list[Any]):
        def __iter__(self) -> Any:
            raise AssertionError("looked at")

    sees = ModelInfo(name="m", context_window=100, capabilities=frozenset({"text", "vision"}))
    assert found(sees, 100 * CHARS_PER_TOKEN, messages=Untouchable([USER])) == []


def test_the_value_is_kept() -> None:
    params = {"messages": [USER], "max_tokens": 51}
    [misuse] = find_misuses(PLAIN, params, 0)
    assert (misuse.path, misuse.value) == ("max_tokens", 51)


def found_in_response(model: ModelInfo, body_length: int = 0, **params: Any) -> list[str]:
    params = {"input": "Hello", "model": model.name, **params}
    return [str(misuse) for misuse in find_response_misuses(model, params, body_length)]


SHOWN = {"role": "user", "content": [{"type": "input_text"}, {"type": "input_image"}]}
IN_RESPONSES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": ({"input": [USER], "tools": None, "max_output_tokens": 50}, []),
    "an image": (
        {"input": [USER, SHOWN]},
        ["input[1].content[1]: expected text, as plain sees no images, got an image"],
    ),
    "a function": ({"tools": [TOOL]}, ["tools: expected none for plain, got some"]),
    "a tool of the server's": ({"tools": [{"type": "code_interpreter"}]}, []),
    "a long answer": (
        {"max_output_tokens": 51},
        ["max_output_tokens: expected at most 50 for plain, got 51"],
    ),
    "a long text": ({"input": LONG}, [TOO_LONG.replace("messages", "input")]),
    "a result that is long": ({"input": [{"type": "function_call_output", "output": LONG}]}, []),
}


@pytest.mark.parametrize(("params", "expected"), IN_RESPONSES.values(), ids=IN_RESPONSES)
def test_responses(params: dict[str, Any], expected: list[str]) -> None:
    assert found_in_response(PLAIN, 10**6, **params) == expected
    assert found_in_response(UNKNOWN, 10**6, **params) == []


def test_a_response_of_another_kind_of_model() -> None:
    assert "expected one that answers conversations" in found_in_response(SPEAKER)[0]


def test_a_model_for_something_else() -> None:
    got = "got plain, a model for text"
    said = [str(each) for each in find_other_kind(PLAIN, "embeddings")]
    assert said == [f"model: expected one that makes embeddings, {got}"]
    for model in (PLAIN, ABLE, UNKNOWN):
        assert list(find_other_kind(model, "text")) == []
