"""`trio-groq transcribe`: what was said, in the language it was said in."""

from functools import partial
from pathlib import Path
from typing import Final

import click

from trio_groq.cli._listening import Heard, Wish, listen_to, shared_options
from trio_groq.cli._output import UsageFailure
from trio_groq.cli._transfers import Report, base_url_option
from trio_groq.client import GroqClient
from trio_groq.types.audio_params import TranscriptionCreateParams

__all__ = ["command", "transcribe"]

_DEFAULT_MODEL: Final = "whisper-large-v3-turbo"


async def transcribe(
    client: GroqClient,
    url: str | None,
    file: Path | None,
    report: Report,
    *,
    wish: Wish,
    language: str | None = None,
    timestamps: tuple[str, ...] = (),
) -> Heard:
    """Ask for one transcription.

    Args:
        client: Whom to ask.
        url: Where the audio is.
        file: The audio, if it is not at a URL.
        report: Told how far the upload is.
        wish: What is asked for.
        language: The audio's language; None lets the model find out.
        timestamps: `segment`, `word`; empty for what the API does by itself.

    Raises:
        GroqError: The call failed.
    """
    params = TranscriptionCreateParams(
        model=wish.model,
        url=url,
        prompt=wish.prompt,
        temperature=wish.temperature,
        language=language,
        timestamp_granularities=timestamps or None,
    )
    return await client.audio.transcriptions.create(
        file=file, response_format=wish.response_format, progress=report, **params
    )


@click.command
@shared_options
@click.option("--model", default=_DEFAULT_MODEL, show_default=True, help="Who listens.")
@click.option("--language", help="The audio's language, such as en. By default it is found out.")
@click.option(
    "--timestamps",
    type=click.Choice(["segment", "word"]),
    multiple=True,
    help="With verbose_json: what to state times for. Can be given twice.",
)
@base_url_option
def command(
    sources: tuple[str, ...],
    format_: str,
    *,
    prompt: str | None,
    temperature: float | None,
    output: Path | None,
    model: str,
    language: str | None,
    timestamps: tuple[str, ...],
    base_url: str | None,
) -> None:
    """Write down what was said.

    Each SOURCE is a file (flac, mp3, mp4, mpeg, mpga, m4a, ogg, opus, wav, webm) or the web
    address of one. The key comes from GROQ_API_KEY.
    """
    if timestamps and format_ != "verbose_json":
        raise UsageFailure(f"--timestamps: expected --format verbose_json beside it, got {format_}")
    wish = Wish(
        model=model, format=format_, prompt=prompt, temperature=temperature, base_url=base_url
    )
    listen = partial(transcribe, wish=wish, language=language, timestamps=timestamps)
    listen_to(sources, wish, listen, output)
