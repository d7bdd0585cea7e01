"""`trio-groq embed`: texts to vectors, a line of JSON each."""

import io
import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import BinaryIO, Final

import click
import trio

from trio_groq.cli._output import INTERRUPTED, Failure, Output, UsageFailure, standard
from trio_groq.cli._running import interruptible, run
from trio_groq.cli._settings import BASE_URL_HELP, settings
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig
from trio_groq.types.embeddings import CreateEmbeddingResponse

__all__ = ["command", "embed", "texts"]

_DEFAULT_MODEL: Final = "nomic-embed-text-v1_5"

_MAX_LINE_BYTES: Final = 1024 * 1024
"""Of one text: more than any embedding model takes, far below memory."""
_MAX_BATCH: Final = 256
"""Texts in one request. The API takes 2,048; this many fill a round trip as well, and the first
lines are there sooner."""
_MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
"""Of the texts in one request: a batch that has as many is sent before it is full."""
_SHORTEST: Final = ".9g"
"""So many digits tell every 32-bit number from its neighbours."""


def _line(source: BinaryIO) -> bytes:
    try:
        return source.readline(_MAX_LINE_BYTES + 1)
    except OSError as error:
        raise Failure(f"text: expected lines, got an error: {error}") from error


def texts(source: BinaryIO) -> Iterator[str]:
    """The lines of a source, without line ends; those with nothing to embed are left out.

    Raises:
        Failure: A line is too long, or the source cannot be read.
    """
    while line := _line(source):
        if len(line) > _MAX_LINE_BYTES:
            raise UsageFailure(f"text: expected lines of at most {_MAX_LINE_BYTES} bytes, got more")
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text.strip():
            yield text


def _batch(lines: Iterator[str]) -> list[str]:
    """The texts of the next request, none at the end."""
    batch: list[str] = []
    size = 0
    for text in islice(lines, _MAX_BATCH):
        batch.append(text)
        size += len(text)
        if size >= _MAX_BATCH_BYTES:
            break
    return batch


def _lines_of(first: int, batch: Sequence[str], response: CreateEmbeddingResponse) -> list[str]:
    """The vectors of a batch as JSON, in the order of the texts.

    Args:
        first: Number of the first text.
        batch: The texts.
        response: Their vectors.

    Raises:
        Failure: There is not a vector for each, or one cannot be read.
    """
    vectors = {item.index: item for item in response.data}
    if sorted(vectors) != list(range(len(batch))):
        raise Failure(f"embeddings: expected {len(batch)}, one for each text, got {len(vectors)}")
    lines = []
    for index, text in enumerate(batch):
        try:
            numbers = [float(format(number, _SHORTEST)) for number in vectors[index].floats()]
            line = {"index": first + index, "text": text, "embedding": numbers}
            lines.append(json.dumps(line, allow_nan=False))
        except ValueError as error:
            raise Failure(str(error)) from error
    return lines


async def embed(
    config: ClientConfig, model: str, source: BinaryIO, output: Output
) -> tuple[int, bool]:
    """Print a line for each text, as the answers come: a batch is in memory, no more.

    Args:
        config: Where, and with which key.
        model: Who embeds.
        source: The texts, one a line. Read in a worker thread.
        output: Where to.

    Returns:
        How many lines were printed; and whether that was the end, or it was interrupted.

    Raises:
        GroqError: A call failed; the lines before it are on the output.
        Failure: The texts cannot be read, or an answer makes no sense.
    """
    count = 0
    lines = texts(source)
    async with interruptible() as scope, GroqClient(config=config) as client:
        # Left to itself if cancelled: nobody can end a read from a terminal or a pipe.
        while batch := await trio.to_thread.run_sync(_batch, lines, abandon_on_cancel=True):
            response = await client.embeddings.create(
                input=batch, model=model, encoding_format="base64"
            )
            for line in _lines_of(count, batch, response):
                output.line(line)
            count += len(batch)
    return count, not scope.cancelled_caught


def _standard_input() -> BinaryIO:
    """Standard input through a reader of our own.

    A thread that was left to itself holds the lock of its reader, and Python breaks down at its
    exit when that is its own.
    """
    try:
        descriptor = sys.stdin.fileno()
    except OSError:  # something else stands for it, such as a buffer
        return sys.stdin.buffer
    return open(descriptor, "rb", closefd=False)


def _source(given: Sequence[str], file: BinaryIO | None) -> BinaryIO:
    """Where the texts are: in the arguments, in a file, or on standard input."""
    if given and file is not None:
        raise UsageFailure("text: expected arguments or --file, got both")
    if given:
        lines = (" ".join(text.splitlines()) for text in given)
        return io.BytesIO("\n".join(lines).encode("utf-8", "replace"))
    if file is None and sys.stdin.isatty():
        raise UsageFailure("text: expected arguments, --file, or standard input, got none")
    if file is None or file is sys.stdin.buffer:  # as `--file -` is
        return _standard_input()
    return file


@click.command
@click.argument("text", nargs=-1)
@click.option("--file", type=click.File("rb"), help="Embed the lines of a file.")
@click.option("--model", default=_DEFAULT_MODEL, show_default=True, help="Who embeds.")
@click.option("--base-url", help=BASE_URL_HELP)
def command(
    text: tuple[str, ...], file: BinaryIO | None, *, model: str, base_url: str | None
) -> None:
    """Turn texts into vectors.

    Each TEXT is one; without any, each line of the file or of standard input. Prints a line of
    JSON for each, in their order: index, text, embedding. The key comes from GROQ_API_KEY.
    """
    config = settings(base_url)
    output, _ = standard()
    count, finished = run(partial(embed, config, model, _source(text, file), output))
    if not finished:
        raise click.exceptions.Exit(INTERRUPTED)
    if not count:
        raise UsageFailure("text: expected at least one that is not empty, got none")
