"""`trio-groq serve`: FakeGroq on a port, for whoever wants an API to try things on."""

import signal
import tempfile
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import click
import trio

from trio_groq.cli._options import FiniteRange
from trio_groq.cli._output import Failure, Output, standard
from trio_groq.cli._running import interruptible, run
from trio_groq.testing.content import echo
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply
from trio_groq.testing.server import FakeGroq

__all__ = ["Pace", "command", "serve"]

_CHAT_PATH: Final = "/openai/v1/chat/completions"
_MAX_PORT: Final = 65_535


@attrs.frozen(kw_only=True)
class Pace:
    """How fast the server answers.

    Attributes:
        first_token: Seconds until the first token.
        tokens_per_second: Tokens a second after it; None for all at once.
    """

    first_token: float = 0.0
    tokens_per_second: float | None = None

    def reply(self, request: RecordedRequest) -> Reply | None:
        """The echo, at this pace."""
        if request.path != _CHAT_PATH:
            return None
        return attrs.evolve(
            echo(request.params),
            first_token_delay=self.first_token,
            tokens_per_second=self.tokens_per_second,
        )


async def _listen(stack: AsyncExitStack, server: FakeGroq, where: str) -> None:
    try:
        await stack.enter_async_context(server)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"serve: expected a free port, got {where} ({reason})") from error
    except ModuleNotFoundError as error:  # what TLS needs
        raise Failure(str(error)) from error


def _certificate_file(server: FakeGroq, folder: str) -> Path:
    path = Path(folder, "ca.pem")
    path.write_bytes(server.ca_pem)
    return path


async def serve(output: Output, host: str, port: int, pace: Pace, *, tls: bool = False) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        output: Told where the server is, once it listens.
        host: Address to listen on.
        port: Port; 0 takes a free one.
        pace: How fast it answers.
        tls: Whether it speaks TLS; its authority's certificate is then in a file for as long.

    Raises:
        Failure: It cannot listen there, or TLS cannot be had.
    """
    server = FakeGroq(host=host, port=port, tls=tls, default_reply=pace.reply)
    with tempfile.TemporaryDirectory(prefix="trio-groq-") as folder:
        async with interruptible(signal.SIGINT, signal.SIGTERM), AsyncExitStack() as stack:
            await _listen(stack, server, f"{host}:{port}")
            settings = f"GROQ_API_KEY=gsk_test GROQ_BASE_URL={server.url}"
            if tls:
                settings = f"SSL_CERT_FILE={_certificate_file(server, folder)} {settings}"
            output.line(f"FakeGroq listens on {server.url} (Ctrl-C stops it)")
            output.line(f'Try: {settings} trio-groq chat "Hello"')
            await trio.sleep_forever()


@click.command
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, _MAX_PORT),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--tls", is_flag=True, help="Speak TLS. Needs the extra trio-groq[test].")
@click.option(
    "--tokens-per-second",
    type=FiniteRange(min=0.001),
    help="Pace of an answer; all at once without it.",
)
@click.option(
    "--first-token-ms",
    type=FiniteRange(min=0),
    default=0.0,
    help="Milliseconds until an answer's first token.",
)
def command(
    host: str, port: int, *, tls: bool, tokens_per_second: float | None, first_token_ms: float
) -> None:
    """Run FakeGroq, a scripted Groq, on a port.

    It checks requests as the API does, takes any key, and answers with an echo.
    """
    output, _ = standard()
    pace = Pace(first_token=first_token_ms / 1000, tokens_per_second=tokens_per_second)
    run(partial(serve, output, host, port, pace, tls=tls))
