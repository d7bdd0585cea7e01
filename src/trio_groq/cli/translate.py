"""`trio-groq translate`: what was said, in English."""

from functools import partial
from pathlib import Path
from typing import Final

import click

from trio_groq.cli._listening import Heard, Wish, listen_to, shared_options
from trio_groq.cli._transfers import Report, base_url_option
from trio_groq.client import GroqClient
from trio_groq.types.audio_params import TranslationCreateParams

__all__ = ["command", "translate"]

_DEFAULT_MODEL: Final = "whisper-large-v3"


async def translate(
    client: GroqClient, url: str | None, file: Path | None, report: Report, *, wish: Wish
) -> Heard:
    """Ask for one translation.

    Args:
        client: Whom to ask.
        url: Where the audio is.
        file: The audio, if it is not at a URL.
        report: Told how far the upload is.
        wish: What is asked for.

    Raises:
        GroqError: The call failed.
    """
    params = TranslationCreateParams(
        model=wish.model,
        url=url,
        prompt=wish.prompt,
        temperature=wish.temperature,
    )
    return await client.audio.translations.create(
        file=file, response_format=wish.response_format, progress=report, **params
    )


@click.command
@shared_options
@click.option("--model", default=_DEFAULT_MODEL, show_default=True, help="Who listens.")
@base_url_option
def command(
    sources: tuple[str, ...],
    format_: str,
    *,
    prompt: str | None,
    temperature: float | None,
    output: Path | None,
    model: str,
    base_url: str | None,
) -> None:
    """Write down in English what was said in any language.

    Each SOURCE is a file (flac, mp3, mp4, mpeg, mpga, m4a, ogg, opus, wav, webm) or the web
    address of one. The key comes from GROQ_API_KEY.
    """
    wish = Wish(
        model=model, format=format_, prompt=prompt, temperature=temperature, base_url=base_url
    )
    listen_to(sources, wish, partial(translate, wish=wish), output)
