import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_groq.observe.redaction import RedactingFilter, one_line, redact

KEY = "gsk_0123456789abcdefghijklmnopqrstuvWXYZ"
PASSWORD = "hunter2hunter2"

HIDDEN = {
    "key": (f"key {KEY}!", "key gsk_[hidden]!"),
    "key, cut off": ("key gsk_0123", "key gsk_[hidden]"),
    "key of its kin": ("sk-proj-abcd1234", "sk-[hidden]"),
    "bearer": (f"as Bearer {PASSWORD} it", "as Bearer [hidden] it"),
    "bearer of a key": (f"Bearer {KEY}", "Bearer gsk_[hidden]"),
    "basic": ("as basic dXNlcjpwYXNzd29yZA== it", "as basic [hidden] it"),
    "header": (f"Authorization: Basic {PASSWORD}", "Authorization: [hidden]"),
    "proxy's header": ("Proxy-Authorization: Basic abcd", "Proxy-Authorization: [hidden]"),
    "header, as bytes": (f"(b'Authorization', b'Bearer {KEY}')", None),
    "proxy": (f"http://me:{PASSWORD}@proxy:3128/x", "http://[hidden]@proxy:3128/x"),
    "proxy, user only": ("socks5://me@proxy", "socks5://[hidden]@proxy"),
    "JSON": (f'{{"api_key": "{PASSWORD}", "n": 1}}', '{"api_key": [hidden], "n": 1}'),
    "JSON, quotes in it": (r'{"password":"a\"b","n":1}', '{"password":[hidden],"n":1}'),
    "JSON, cut off": (f'{{"api_key": "{PASSWORD}', '{"api_key": [hidden]'),
    "repr": (f"{{'secret': '{PASSWORD}'}}", "{'secret': [hidden]}"),
    "query": (f"/x?api-key={PASSWORD}&n=1", "/x?api-key=[hidden]&n=1"),
    "token": (f"access_token={PASSWORD}; n", "access_token=[hidden]; n"),
}


@pytest.mark.parametrize(("text", "expected"), HIDDEN.values(), ids=HIDDEN)
def test_secrets_are_hidden(text: str, expected: str | None) -> None:
    hidden = redact(text)
    assert PASSWORD not in hidden
    assert KEY[4:] not in hidden
    if expected is not None:
        assert hidden == expected


@pytest.mark.parametrize(
    "text",
    [
        "first token after 0.5 s, tokens 5 + 27",
        "a basic understanding of bearer bonds",
        "https://api.groq.com/openai/v1/models?x=a@b",
        "max_tokens: 100, secretary: yes, ask-me",
        "call 7 chat.completions openai/gpt-oss-20b: status 200",
        "write to someone@example.com",
    ],
)
def test_plain_text_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text(), st.text(alphabet="abcXYZ0189_-", min_size=8), st.text(alphabet=" ,;\n"))
def test_a_key_is_hidden_wherever_it_stands(before: str, key: str, after: str) -> None:
    assert key not in redact(f"{before} gsk_{key}{after}").replace(before, "")


@given(st.text(max_size=200))
def test_twice_is_as_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1


def test_what_is_printable_stays_as_it_is() -> None:
    assert one_line("a\nb\r\x1b[31m\u2028é") == "a\\nb\\r\\x1b[31m\\u2028é"


def record(message: str, *args: object, **rest: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": message, "args": args, "levelname": "INFO"} | rest)
    assert RedactingFilter().filter(made) is True
    return made


def test_the_filter_looks_at_message_and_arguments() -> None:
    assert record("key %s of %s", KEY, "me").getMessage() == "key gsk_[hidden] of me"
    assert record("100%").getMessage() == "100%"


def test_the_filter_looks_at_the_traceback() -> None:
    try:
        raise ValueError(f"no: {KEY}")
    except ValueError as exc:
        made = record("failed", exc_info=(type(exc), exc, exc.__traceback__))
    text = logging.Formatter().format(made)
    assert "no: gsk_[hidden]" in text
    assert KEY not in text
    again = record("failed", exc_text=f"was {KEY}", stack_info=f"at {KEY}")
    assert (again.exc_text, again.stack_info) == ("was gsk_[hidden]", "at gsk_[hidden]")


def test_the_filter_looks_at_further_fields() -> None:
    made = record("x", header=f"Bearer {KEY}", number=3)
    assert KEY not in json.dumps(vars(made), default=str)
    assert vars(made)["number"] == 3
