"""What the fake says of its own accord, and how it counts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq.testing.content import echo, text_of, tokenize, usage_of


def asked(text: object, **params: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": text}], **params}


@settings(deadline=None, max_examples=200)
@given(st.text())
def test_joined_tokens_are_the_text(text: str) -> None:
    assert "".join(tokenize(text)) == text


def test_tokens_are_words_with_the_space_before() -> None:
    assert tokenize("One two\n\nthree ") == ["One", " two", "\n\nthree", " "]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("abc", "abc"),
        (
            [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}],
            "ab",
        ),
        (None, ""),
    ],
)
def test_text_of_content(content: object, text: str) -> None:
    assert text_of(content) == text


def test_the_echo_repeats_the_last_user_message_and_goes_on() -> None:
    params = {
        "messages": [
            {"role": "user", "content": "First"},
            {"role": "user", "content": "Last words"},
            {"role": "assistant", "content": "Mine"},
        ]
    }
    reply = echo(params)
    assert reply.content is not None
    assert reply.content.startswith("You said: Last words\n\n")
    assert reply.finish_reason == "stop"
    assert reply == echo(params)
    assert reply != echo(asked("Other words"))


def test_the_echo_needs_no_user() -> None:
    reply = echo({"messages": [{"role": "system", "content": "Be kind"}]})
    assert (reply.content or "").startswith("You said: \n\n")


def test_the_echo_of_a_long_prompt_is_short() -> None:
    assert len(echo(asked("word " * 10_000)).content or "") < 1000


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_echo_obeys_the_token_limit(name: str) -> None:
    reply = echo(asked("Hello", **{name: 2}))
    assert (reply.content, reply.finish_reason) == ("You said:", "length")


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    assert echo(asked("Hello", max_tokens=1000)) == echo(asked("Hello"))


@pytest.mark.parametrize("stop", [" Hello", ["zzz", "", "!", " Hello"]])
def test_the_echo_stops_at_the_first_stop_sequence(stop: object) -> None:
    reply = echo(asked("Hello! More", stop=stop))
    assert (reply.content, reply.finish_reason) == ("You said:", "stop")


def test_usage_adds_up() -> None:
    usage = usage_of(asked("one two three"), spoken=5, reasoned=2, seconds=0.0)
    assert usage["prompt_tokens"] == 7
    assert usage["completion_tokens"] == 5
    assert usage["total_tokens"] == 12
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 2}
    assert usage["total_time"] == pytest.approx(usage["prompt_time"] + usage["completion_time"])


def test_a_paced_reply_takes_its_time() -> None:
    assert usage_of(asked("x"), 5, 0, 2.5)["completion_time"] == 2.5
