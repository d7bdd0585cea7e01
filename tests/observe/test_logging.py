import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from observe.told_events import attempt_failed, call, cancelled, failed, finished, status_error
from trio_groq._hooks import (
    AttemptStarted,
    CircuitChanged,
    ClientStarted,
    Event,
    FirstToken,
    RateLimited,
    ResponseHead,
    Waited,
)
from trio_groq.errors import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    InternalServerError,
    PermissionDeniedError,
)
from trio_groq.observe.logging import (
    MAX_LINE,
    MAX_PAYLOAD,
    TRACE,
    LoggingObserver,
    level_of,
    set_up_logging,
)
from trio_groq.types.chat import ChatCompletion

KEY = "gsk_0123456789abcdefghijklmnopqrstuvWXYZ"
NAME = "call 1 chat.completions llama-3.1-8b-instant"
SAYS = b'{"messages":[{"role":"user","content":"Hello"}]}'
REFUSED = status_error(AuthenticationError, 401, "Invalid API Key", code="invalid_api_key")
DOWN = status_error(InternalServerError, 503, "unavailable")
LOST = APIConnectionError("connection: expected it to last, got its end")
Line = tuple[str, str, str]


@pytest.fixture(autouse=True)
def own_logger() -> Iterator[None]:
    """What tests set up is gone after them."""
    logger = logging.getLogger("trio_groq")
    handlers, level = [*logger.handlers], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


def logged(
    caplog: pytest.LogCaptureFixture, *events: Event, level: int = logging.DEBUG
) -> list[Line]:
    """Logger, level and message of each line."""
    caplog.clear()
    observer = LoggingObserver()
    with caplog.at_level(level, "trio_groq"):
        for event in events:
            observer.on_event(event)
    return [(record.name, record.levelname, record.getMessage()) for record in caplog.records]


FAILED = "failed after 1.500 s and 2 attempts"
STREAMED = (
    "finished in 2.000 s, status 200, attempts 1, first token 0.500 s, chunks 7, finish stop, "
    "request id req_1"
)
LINES: dict[str, tuple[Event, str, str, str]] = {
    "start": (call(content=SAYS), "call", "DEBUG", f"{NAME}: POST /openai/v1/chat/completions"),
    "attempt": (
        AttemptStarted(call=call(), number=2, waited=0.5),
        "call",
        "DEBUG",
        f"{NAME}: attempt 2, after 0.500 s",
    ),
    "wait": (
        Waited(call=call(), reason="gates", seconds=1),
        "call",
        "DEBUG",
        f"{NAME}: waited 1.000 s (gates)",
    ),
    "head": (
        ResponseHead(call=call(), status=200, headers={"x-request-id": "req_1"}),
        "call",
        "DEBUG",
        f"{NAME}: status 200, request id req_1",
    ),
    "first token": (
        FirstToken(call=call(), seconds=0.25),
        "call",
        "DEBUG",
        f"{NAME}: first token after 0.250 s",
    ),
    "retry": (
        attempt_failed(LOST, 0.5),
        "call",
        "WARNING",
        f"{NAME}: attempt 1 failed and is repeated after 0.500 s: APIConnectionError: {LOST}",
    ),
    "end": (
        finished(),
        "call",
        "INFO",
        f"{NAME}: finished in 2.000 s, status 200, attempts 1, tokens 10 + 20, request id req_1",
    ),
    "end of a stream": (
        finished(first_token=0.5, chunks=7, finish_reasons=("stop",), usage=None),
        "call",
        "INFO",
        f"{NAME}: {STREAMED}",
    ),
    "closed stream": (
        finished(call(model="", operation="files"), usage=None, complete=False),
        "call",
        "INFO",
        "call 1 files: closed early in 2.000 s, status 200, attempts 1, request id req_1",
    ),
    "failure": (
        failed(DOWN),
        "call",
        "ERROR",
        f"{NAME}: {FAILED}: InternalServerError 503: unavailable (request id req_9)",
    ),
    "unforeseen": (
        failed(ZeroDivisionError("what")),
        "call",
        "ERROR",
        f"{NAME}: {FAILED}: ZeroDivisionError: what",
    ),
    "cancelled": (
        cancelled(),
        "call",
        "INFO",
        f"{NAME}: cancelled after 0.500 s and 1 attempts",
    ),
    "circuit opens": (
        CircuitChanged(origin="https://a", before="closed", after="open"),
        "call",
        "WARNING",
        "circuit of https://a: open, was closed",
    ),
    "circuit closes": (
        CircuitChanged(origin="https://a", before="half-open", after="closed"),
        "call",
        "INFO",
        "circuit of https://a: closed, was half-open",
    ),
    "refused key": (
        attempt_failed(REFUSED, None),
        "security",
        "WARNING",
        f"{NAME}: the key was refused with status 401 (invalid_api_key)",
    ),
    "forbidden": (
        attempt_failed(status_error(PermissionDeniedError, 403), None),
        "security",
        "WARNING",
        f"{NAME}: the key was refused with status 403 (None)",
    ),
    "client": (
        ClientStarted(base_url="https://a", settings="timeouts.read=60"),
        "security",
        "INFO",
        "client for https://a: timeouts.read=60",
    ),
}


@pytest.mark.parametrize(("event", "logger", "level", "text"), LINES.values(), ids=LINES)
def test_each_event_is_a_line(
    event: Event, logger: str, level: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert logged(caplog, event) == [(f"trio_groq.{logger}", level, text)]
    above = getattr(logging, level) + 1
    assert logged(caplog, event, level=above) == []


@pytest.mark.parametrize("error", [LOST, DOWN])
def test_the_last_attempt_s_failure_is_the_call_s(
    error: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert logged(caplog, attempt_failed(error, None)) == []


async def test_a_rate_limit_is_told_with_its_wait(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.testing.MockClock
) -> None:
    until = trio.current_time() + 7.5
    limited = RateLimited(call=call(), model="m", until=until, limit="tokens")
    late = RateLimited(call=call(), model="m", until=until - 9, limit=None)
    text = f"{NAME}: the limit on %s is reached; the server names a wait of %s s"
    assert logged(caplog, limited, late) == [
        ("trio_groq.security", "WARNING", text % ("tokens", "7.500")),
        ("trio_groq.security", "WARNING", text % ("some", "0.000")),
    ]


def test_an_error_s_notes_say_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    error = APIConnectionError("no")
    error.add_note("Look at the proxy.")
    ((_, _, text),) = logged(caplog, failed(error))
    assert text.endswith("APIConnectionError: no Look at the proxy.")


def test_content_is_told_at_trace_only(caplog: pytest.LogCaptureFixture) -> None:
    events = call(content=SAYS), finished(value=ChatCompletion(id="chatcmpl-1"))
    assert "Hello" not in str(logged(caplog, *events))
    assert "chatcmpl-1" not in str(logged(caplog, *events))
    lines = logged(caplog, *events, level=TRACE)
    assert [level for _, level, _ in lines] == ["DEBUG", "TRACE", "INFO", "TRACE"]
    assert lines[1][2] == f"{NAME}: sends {SAYS.decode()}"
    assert lines[3][2].startswith(f'{NAME}: got {{"id":"chatcmpl-1"')


def test_what_is_no_json_is_named(caplog: pytest.LogCaptureFixture) -> None:
    lines = logged(caplog, call(), finished(value=io), level=TRACE)
    assert lines[-1][2] == f"{NAME}: got <module>"
    assert [level for _, level, _ in lines] == ["DEBUG", "INFO", "TRACE"]


def test_long_content_is_cut_and_its_secrets_are_hidden(caplog: pytest.LogCaptureFixture) -> None:
    content = b'{"text":"' + b"x" * (MAX_PAYLOAD - 20) + KEY.encode() + b"y" * 100_000 + b'"}'
    text = logged(caplog, call(content=content), level=TRACE)[1][2]
    assert len(text) < MAX_PAYLOAD + 200
    assert "characters)" in text
    assert KEY[4:12] not in text


HOSTILE = f"no\r\n2026-01-01 INFO forged\x1b[2J: {KEY}, Bearer {KEY} " + "z" * 10_000


@pytest.mark.parametrize(
    "event",
    [
        failed(APIConnectionError(HOSTILE)),
        attempt_failed(APIConnectionError(HOSTILE), 1.0),
        attempt_failed(status_error(AuthenticationError, 401, HOSTILE, code=HOSTILE), 1.0),
        call(path=f"/{HOSTILE}"),
        finished(call(model=HOSTILE), finish_reasons=(HOSTILE,)),
        ResponseHead(call=call(), status=200, headers={"x-request-id": HOSTILE}),
        CircuitChanged(origin=HOSTILE, before="closed", after="open"),
        ClientStarted(base_url=HOSTILE, settings=f"default_headers: Authorization: {KEY}"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_no_line_is_forged_shows_a_secret_or_has_no_end(
    event: Event, caplog: pytest.LogCaptureFixture
) -> None:
    lines = logged(caplog, event, level=TRACE)
    assert lines
    for _, _, text in lines:
        assert len(text.splitlines()) == 1
        assert "\x1b" not in text
        assert KEY[4:] not in text
        assert len(text) < MAX_PAYLOAD


def test_another_parent_can_be_given(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mine"):
        LoggingObserver(logging.getLogger("mine")).on_event(cancelled())
    assert [record.name for record in caplog.records] == ["mine.call"]


# -- setting up


def test_nothing_is_set_up_unasked() -> None:
    logger = logging.getLogger("trio_groq")
    before = [*logger.handlers], logger.level
    assert set_up_logging(environ={}) is False
    assert set_up_logging(environ={"GROQ_LOG": ""}) is False
    assert ([*logger.handlers], logger.level) == before


@pytest.mark.parametrize(
    ("name", "level"),
    [("trace", 5), ("DEBUG", 10), ("info", 20), (" Warning ", 30), ("error", 40), ("off", 60)],
)
def test_the_environment_asks_for_a_level(name: str, level: int) -> None:
    assert set_up_logging(environ={"GROQ_LOG": name}, stream=io.StringIO()) is True
    assert logging.getLogger("trio_groq").level == level


def test_an_argument_wins() -> None:
    set_up_logging("error", environ={"GROQ_LOG": "debug"}, stream=io.StringIO())
    assert logging.getLogger("trio_groq").level == logging.ERROR


def test_the_handler_is_added_once_and_hides_secrets() -> None:
    first, second = io.StringIO(), io.StringIO()
    set_up_logging("info", environ={}, stream=first)
    set_up_logging("info", environ={}, stream=second)
    logging.getLogger("trio_groq.elsewhere").info("with %s", KEY)
    LoggingObserver().on_event(cancelled())
    assert first.getvalue() == ""
    lines = second.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("INFO    trio_groq.elsewhere: with gsk_[hidden]")
    assert lines[1].endswith(
        f"INFO    trio_groq.call: {NAME}: cancelled after 0.500 s and 1 attempts"
    )


def test_trace_has_a_name() -> None:
    stream = io.StringIO()
    set_up_logging("trace", environ={}, stream=stream)
    LoggingObserver().on_event(call(content=SAYS))
    assert " TRACE " in stream.getvalue()


def test_a_wrong_level_names_all() -> None:
    with pytest.raises(ConfigurationError, match=r"GROQ_LOG: expected one of trace, .*'loud'"):
        set_up_logging(environ={"GROQ_LOG": "loud"})
    with pytest.raises(ConfigurationError, match="level: expected one of"):
        set_up_logging("loud", environ={})
    with pytest.raises(ConfigurationError) as raised:
        level_of(KEY)
    assert KEY not in str(raised.value)
    assert MAX_LINE < MAX_PAYLOAD
