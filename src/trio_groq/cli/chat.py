"""`trio-groq chat`: one answer, or a conversation."""

import sys
from functools import partial
from typing import Final

import click

from trio_groq.cli._answers import Answer, Asker, Style
from trio_groq.cli._conversation import Conversation
from trio_groq.cli._output import INTERRUPTED, Output, UsageFailure, standard
from trio_groq.cli._repl import Repl, terminal_reader
from trio_groq.cli._running import run
from trio_groq.cli._settings import BASE_URL_HELP, settings
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig

__all__ = ["answer_once", "command", "converse"]

_DEFAULT_MODEL: Final = "openai/gpt-oss-120b"

_MAX_PROMPT_BYTES: Final = 16 * 1024 * 1024
"""Of standard input: several times what the largest context window takes, far below memory."""


def _piped_prompt() -> str:
    """All of standard input."""
    data = sys.stdin.buffer.read(_MAX_PROMPT_BYTES + 1)
    if len(data) > _MAX_PROMPT_BYTES:
        raise UsageFailure(f"standard input: expected at most {_MAX_PROMPT_BYTES} bytes, got more")
    return data.decode("utf-8", "replace")


async def answer_once(
    config: ClientConfig, style: Style, conversation: Conversation, question: str, output: Output
) -> Answer:
    """Ask one question.

    Raises:
        GroqError: The call failed, or broke off; what had come is on the output.
    """
    answer = Answer()
    async with GroqClient(config=config) as client:
        asker = Asker(client, style, output)
        await asker.ask(conversation.model, conversation.messages(question), answer)
    return answer


async def converse(
    config: ClientConfig, style: Style, conversation: Conversation, output: Output, notices: Output
) -> None:
    """Ask what the terminal's user asks."""
    async with GroqClient(config=config) as client:
        asker = Asker(client, style, output)
        await Repl(asker, conversation, terminal_reader(), notices).run()


@click.command
@click.argument("prompt", nargs=-1)
@click.option("--model", default=_DEFAULT_MODEL, show_default=True, help="Who answers.")
@click.option("--system", help="The system message.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole completion as JSON.")
@click.option(
    "--stream/--no-stream", default=True, help="Show the text as it comes, or at the end."
)
@click.option("--temperature", type=float, help="0 to 2: how random the answer is.")
@click.option("--max-tokens", type=click.IntRange(1), help="Most tokens of an answer.")
@click.option("--base-url", help=BASE_URL_HELP)
def command(
    prompt: tuple[str, ...],
    model: str,
    system: str | None,
    *,
    as_json: bool,
    stream: bool,
    temperature: float | None,
    max_tokens: int | None,
    base_url: str | None,
) -> None:
    """Ask a model.

    With PROMPT, one answer to that; without, one answer to what standard input has; in a terminal
    without either, a conversation. Ctrl-C ends the answer that is being written. The key comes
    from GROQ_API_KEY.
    """
    config = settings(base_url)
    style = Style(temperature=temperature, max_tokens=max_tokens, as_json=as_json, stream=stream)
    conversation = Conversation(model, system)
    output, notices = standard()
    if not prompt and sys.stdin.isatty():
        run(partial(converse, config, style, conversation, output, notices))
        return
    question = " ".join(prompt) or _piped_prompt()
    if not question.strip():
        raise UsageFailure("prompt: expected text, as an argument or on standard input, got none")
    answer = run(partial(answer_once, config, style, conversation, question, output))
    if answer.interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
    if answer.ended_by:
        notices.line(f"note: the answer ended early: {answer.ended_by}")
