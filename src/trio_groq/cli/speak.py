"""`trio-groq speak`: a text as speech."""

import sys
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import click
import trio

from trio_groq._binary import BinaryResponse
from trio_groq.cli._options import FiniteRange
from trio_groq.cli._output import Failure, UsageFailure, standard
from trio_groq.cli._transfers import base_url_option, with_client
from trio_groq.client import GroqClient
from trio_groq.types.audio_params import SpeechCreateParams

__all__ = ["command", "speak"]

_DEFAULT_MODEL: Final = "canopylabs/orpheus-v1-english"
_DEFAULT_VOICE: Final = "troy"
_DEFAULT_FORMAT: Final = "wav"  # the one that this model has; the API's own default is mp3

_MAX_TEXT_BYTES: Final = 1024 * 1024
"""Of standard input: a hundred times what any model speaks at once."""
_STANDARD_OUTPUT: Final = Path("-")


def _text(given: tuple[str, ...]) -> str:
    """The text, from the arguments or from standard input."""
    text = " ".join(given)
    if not given and not sys.stdin.isatty():
        data = sys.stdin.buffer.read(_MAX_TEXT_BYTES + 1)
        if len(data) > _MAX_TEXT_BYTES:
            raise UsageFailure(
                f"standard input: expected at most {_MAX_TEXT_BYTES} bytes, got more"
            )
        text = data.decode("utf-8", "replace")
    if not text.strip():
        raise UsageFailure("text: expected some, as an argument or on standard input, got none")
    return text


def _target(output: Path | None) -> Path | None:
    """The file to write; None for standard output, which must not be somebody's screen then."""
    if output not in {None, _STANDARD_OUTPUT}:
        return output
    if sys.stdout.isatty():
        raise UsageFailure("--output: expected a file, as this is a terminal, got none")
    return None


async def _pour(response: BinaryResponse, stream: BinaryIO) -> None:
    """Write a response to a stream while it comes."""
    async for piece in response.aiter_bytes():
        await trio.to_thread.run_sync(stream.write, piece)
    await trio.to_thread.run_sync(stream.flush)


async def speak(client: GroqClient, params: SpeechCreateParams, path: Path | None) -> int | None:
    """Ask for speech, and write it.

    Args:
        client: Whom to ask.
        params: What is asked for.
        path: The file, which appears whole or not at all; None for standard output.

    Returns:
        How many bytes the file has; None for standard output.

    Raises:
        GroqError: The call failed.
        Failure: It cannot be written.
    """
    try:
        async with await client.audio.speech.create(**params) as response:
            if path is not None:
                return await response.write_to_file(path)
            await _pour(response, sys.stdout.buffer)
            return None
    except OSError as error:
        place = "standard output" if path is None else path
        reason = error.strerror or str(error)
        raise Failure(f"{place}: expected a file that can be written, got {reason}") from error


@click.command
@click.argument("text", nargs=-1)
@click.option("--model", default=_DEFAULT_MODEL, show_default=True, help="Who speaks.")
@click.option("--voice", default=_DEFAULT_VOICE, show_default=True, help="In which voice.")
@click.option(
    "--format",
    "format_",
    default=_DEFAULT_FORMAT,
    show_default=True,
    help="flac, mp3, mulaw, ogg or wav, by model.",
)
@click.option("--sample-rate", type=click.IntRange(1), help="Samples a second, such as 24000.")
@click.option("--speed", type=FiniteRange(0.5, 5), help="0.5 to 5: how fast.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="The file to write; by default, and for -, standard output.",
)
@base_url_option
def command(
    text: tuple[str, ...],
    model: str,
    voice: str,
    format_: str,
    *,
    sample_rate: int | None,
    speed: float | None,
    output: Path | None,
    base_url: str | None,
) -> None:
    """Speak TEXT, or what standard input has.

    The key comes from GROQ_API_KEY.
    """
    target = _target(output)
    params: SpeechCreateParams = {
        "model": model,
        "input": _text(text),
        "voice": voice,
        "response_format": format_,
    }
    if sample_rate is not None:
        params["sample_rate"] = sample_rate
    if speed is not None:
        params["speed"] = speed
    size = with_client(base_url, partial(speak, params=params, path=target))
    if size is not None:
        standard()[0].line(f"{target}: {size} bytes")
