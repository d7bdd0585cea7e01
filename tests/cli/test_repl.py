import io
import sys
from collections.abc import Iterable

import pytest

from cli.processes import PressesCtrlC
from trio_groq.cli import _repl
from trio_groq.cli._answers import Asker, Style
from trio_groq.cli._conversation import Conversation
from trio_groq.cli._output import Output
from trio_groq.cli._repl import LineReader, Repl, terminal_reader
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig, RetryPolicy
from trio_groq.testing import FakeGroq, Reply

MODEL = "llama-3.1-8b-instant"
NO_RETRIES = RetryPolicy(max_retries=0)
GREETING = f"{MODEL} (/help for commands, Ctrl-D to end)\n"


def typed(lines: Iterable[str | BaseException]) -> LineReader:
    """A user who types these lines, or presses keys, and then Ctrl-D."""
    left = iter(lines)

    def read_line() -> str:
        line = next(left, EOFError())
        if isinstance(line, BaseException):
            raise line
        return line

    return read_line


async def talk(
    server: FakeGroq, *lines: str | BaseException, stream: io.StringIO | None = None
) -> tuple[str, str]:
    """Have a conversation; the answers as shown, and what was shown beside them."""
    answers, notices = stream or io.StringIO(), io.StringIO()
    config = ClientConfig(api_key="gsk_test", base_url=server.url, retry=NO_RETRIES)
    async with GroqClient(config=config) as client:
        asker = Asker(client, Style(), Output(answers))
        await Repl(asker, Conversation(MODEL), typed(lines), Output(notices)).run()
    return answers.getvalue(), notices.getvalue().removeprefix(GREETING)


def asked(server: FakeGroq) -> list[list[str]]:
    """The contents of the messages, by request."""
    return [[each["content"] for each in one.params["messages"]] for one in server.requests]


async def test_it_remembers_over_one_connection() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(content="Yes."), Reply(content="No."))
        assert await talk(server, "One?", "", "  Two? ") == ("Yes.\nNo.\n", "\n")
        assert asked(server) == [["One?"], ["One?", "Yes.", "Two?"]]
        assert server.connections_opened == 1


@pytest.mark.parametrize("line", ["/exit", " /quit "])
async def test_it_ends_when_told(line: str) -> None:
    async with FakeGroq() as server:
        assert await talk(server, line, "One?") == ("", "")
        assert server.requests == []


async def test_commands_take_effect() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(content="Yes."), Reply(content="No."))
        _, notices = await talk(
            server, "One?", "/reset", "/system Be brief.", "/model openai/gpt-oss-20b", "Two?"
        )
        assert asked(server) == [["One?"], ["Be brief.", "Two?"]]
        assert server.requests[1].params["model"] == "openai/gpt-oss-20b"
    assert notices.splitlines() == [
        "a new conversation",
        "system message: Be brief.",
        "model: openai/gpt-oss-20b",
        "",
    ]


async def test_an_error_is_told_and_the_conversation_goes_on() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply.error(500, "on fire"), Reply(content="Yes."))
        answers, notices = await talk(server, "One?", "Two?")
        assert asked(server) == [["One?"], ["Two?"]]
    assert answers == "Yes.\n"
    assert notices.startswith("error: ")
    assert "on fire" in notices


async def test_an_answer_that_breaks_off_is_remembered_as_far_as_it_came() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(content="Part", finish=False, done=False), Reply(content="Yes."))
        answers, notices = await talk(server, "One?", "Two?")
        assert asked(server) == [["One?"], ["One?", "Part", "Two?"]]
    assert answers == "Part\nYes.\n"
    assert notices.startswith("error: stream: expected")


async def test_an_answer_that_ends_early_says_why() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(content="Part", finish_reason="length"))
        assert await talk(server, "One?") == ("Part\n", "(ended early: length)\n\n")


async def test_ctrl_c_ends_the_answer_and_not_the_conversation() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(tokens=("One", " two"), token_interval=3600), Reply(content="Again."))
        answers, notices = await talk(server, "Count", "More", stream=PressesCtrlC("One"))
        assert asked(server) == [["Count"], ["Count", "One", "More"]]
    assert answers == "One\nAgain.\n"
    assert notices == "(interrupted)\n\n"


async def test_ctrl_c_at_the_prompt_begins_a_new_line() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(content="Yes."))
        assert await talk(server, KeyboardInterrupt(), "One?") == ("Yes.\n", "\n\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_terminal_the_prompt_is_part_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[str] = []
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(_repl, "import_module", wanted.append)
    monkeypatch.setattr("builtins.input", lambda prompt: f"{prompt}typed")
    assert terminal_reader()() == "> typed"
    assert wanted == ["readline"]


def test_a_python_without_readline_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setitem(sys.modules, "readline", None)
    monkeypatch.setattr("builtins.input", lambda prompt: f"{prompt}typed")
    assert terminal_reader()() == "> typed"


def test_the_prompt_stays_out_of_answers_that_go_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda: "typed")
    assert terminal_reader()() == "typed"
    assert capsys.readouterr() == ("", "> ")
