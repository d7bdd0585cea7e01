"""What an application's own `logging` gets of calls, without a setting of the client's."""

import io
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from streaming import DONE, sent, text
from trio_groq import ClientConfig, GroqClient
from trio_groq._hooks import CallWatch, Hooks
from trio_groq._hooks.observer import application_logs
from trio_groq._hooks.watch import FailureWatch
from trio_groq.errors import AuthenticationError, GroqError, InternalServerError
from trio_groq.observe import LoggingObserver
from trio_groq.testing import FakeGroq, Reply

KEY = "gsk_0123456789abcdefghijklmnopqrstuvWXYZ"
MODEL = "llama-3.1-8b-instant"
ASK: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


class Application:
    """A root logger as an application sets it up, and the lines that it gets."""

    def __init__(self) -> None:
        self.root = logging.getLogger()
        self.stream = io.StringIO()

    def log_nothing(self) -> None:
        """Take the test runner's handlers away, too; it puts them there for each test anew."""
        self.root.handlers[:] = []

    def log_from(self, level: int) -> None:
        """What `logging.basicConfig(level=level)` does, with a stream of our own."""
        self.log_nothing()
        logging.basicConfig(
            level=level, stream=self.stream, format="%(levelname)s %(name)s: %(message)s"
        )

    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    def starts(self) -> list[str]:
        """Level and logger of each line."""
        return [line.partition(":")[0] for line in self.lines()]


@pytest.fixture
def application() -> Iterator[Application]:
    """Whose logging is gone after the test; what others set up for this package is put away."""
    mine = Application()
    level = mine.root.level
    package = logging.getLogger("trio_groq")
    handlers, package_level = [*package.handlers], package.level
    package.handlers[:] = []
    package.setLevel(logging.NOTSET)
    yield mine
    package.handlers[:] = handlers
    package.setLevel(package_level)
    mine.root.setLevel(level)
    for handler in [*mine.root.handlers]:
        if isinstance(handler, logging.StreamHandler) and handler.stream is mine.stream:
            mine.root.removeHandler(handler)


def client_of(server: FakeGroq, **fields: Any) -> GroqClient:
    config = ClientConfig(api_key=KEY, base_url=server.url, **fields)
    return GroqClient(config=config, max_retries=0)


async def until_done(client: GroqClient) -> None:
    async with client.chat.completions.stream(**ASK) as stream:
        await stream.until_done()


async def test_nothing_is_done_where_no_logging_is_set_up(
    fake_groq: FakeGroq, application: Application
) -> None:
    application.log_nothing()
    async with client_of(fake_groq) as client:
        assert client._caller.hooks is None
    assert logging.getLogger("trio_groq").handlers == []


async def test_nor_where_it_wants_nothing_of_this_package(
    fake_groq: FakeGroq, application: Application
) -> None:
    application.log_from(logging.CRITICAL)
    async with client_of(fake_groq) as client:
        assert client._caller.hooks is None


def test_nor_where_logging_is_not_even_loaded(
    monkeypatch: pytest.MonkeyPatch, application: Application
) -> None:
    application.log_from(logging.INFO)
    assert application_logs()
    monkeypatch.delitem(sys.modules, "logging")
    assert not application_logs()


@pytest.mark.parametrize("level", [1, logging.WARNING, logging.ERROR])
async def test_a_refused_key_is_an_error_in_the_log(
    fake_groq: FakeGroq, application: Application, level: int
) -> None:
    application.log_from(level)
    fake_groq.enqueue(Reply.error(401, "Invalid API Key", code="invalid_api_key"))
    async with client_of(fake_groq) as client:
        with pytest.raises(AuthenticationError):
            await client.chat.completions.create(**ASK)
    errors = [line for line in application.lines() if line.startswith("ERROR ")]
    assert len(errors) == 1
    assert errors[0].startswith("ERROR trio_groq.call: call ")
    assert f"chat.completions {MODEL}: failed after" in errors[0]
    assert ("WARNING trio_groq.security" in application.starts()) == (level <= logging.WARNING)
    assert KEY not in application.stream.getvalue()


async def test_information_is_one_line_for_each_call(
    fake_groq: FakeGroq, application: Application
) -> None:
    application.log_from(logging.INFO)
    async with client_of(fake_groq) as client:
        assert application.starts() == ["INFO trio_groq.security"]
        await client.chat.completions.create(**ASK)
        await until_done(client)
    assert application.starts()[1:] == ["INFO trio_groq.call"] * 2
    assert "finished in" in application.lines()[1]


async def test_warnings_alone_make_no_record_of_what_goes_well(
    fake_groq: FakeGroq, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    tell = Hooks.tell

    def noted(self: Hooks, event: Any) -> None:
        told.append(event)
        tell(self, event)

    for name in ("chunks_came", "head_came", "waited", "ended"):
        monkeypatch.delattr(CallWatch, name)  # nothing falls back on them
    monkeypatch.setattr(FailureWatch, "chunks_came", None)  # nor is it called
    monkeypatch.setattr(Hooks, "tell", noted)
    application.log_from(logging.WARNING)
    async with client_of(fake_groq) as client:
        await client.chat.completions.create(**ASK)
        await until_done(client)
        await client.files.list()
        with trio.move_on_after(0):
            await client.models.list()
    assert told == application.lines() == []


async def test_a_stream_that_breaks_off_is_an_error_in_the_log(
    fake_groq: FakeGroq, application: Application
) -> None:
    application.log_from(logging.WARNING)
    broken = sent(text("Hel"), b'data: {"error": {"message": "over"}}\n\n', DONE)
    fake_groq.enqueue(broken)
    async with client_of(fake_groq) as client:
        with pytest.raises(GroqError):
            await until_done(client)
    assert application.starts() == ["ERROR trio_groq.call"]


async def test_an_attempt_that_is_repeated_is_a_warning(
    fake_groq: FakeGroq, application: Application, autojump_clock: object
) -> None:
    application.log_from(logging.WARNING)
    fake_groq.enqueue(Reply.error(500, "down"))
    config = ClientConfig(api_key=KEY, base_url=fake_groq.url)
    async with GroqClient(config=config) as client:
        await client.chat.completions.create(**ASK)
    assert application.starts() == ["WARNING trio_groq.call"]
    assert "attempt 1 failed and is repeated after" in application.lines()[0]


async def test_a_level_that_changes_counts_from_the_next_call(
    fake_groq: FakeGroq, application: Application
) -> None:
    application.log_from(logging.ERROR)
    async with client_of(fake_groq) as client:
        await client.models.list()
        application.root.setLevel(logging.INFO)
        await client.models.list()
    assert application.starts() == ["INFO trio_groq.call"]


async def test_an_observer_that_logs_already_is_not_doubled(
    fake_groq: FakeGroq, application: Application
) -> None:
    application.log_from(logging.ERROR)
    fake_groq.enqueue(Reply.error(500, "down"))
    async with client_of(fake_groq, observers=(LoggingObserver(),)) as client:
        with pytest.raises(InternalServerError):
            await client.models.list()
    assert application.starts() == ["ERROR trio_groq.call"]


async def test_the_own_level_wins(fake_groq: FakeGroq, application: Application) -> None:
    application.log_from(logging.DEBUG)
    fake_groq.enqueue(Reply.error(500, "down"))
    async with client_of(fake_groq, log_level="off") as client:
        with pytest.raises(InternalServerError):
            await client.models.list()
    assert application.lines() == []
