"""`trio-groq files`: the files that the API keeps."""

from functools import partial
from pathlib import Path, PurePosixPath

import click
import trio

from trio_groq.cli._output import Output, UsageFailure, standard
from trio_groq.cli._transfers import (
    as_json,
    base_url_option,
    date,
    download,
    in_columns,
    json_option,
    progress_bar,
    with_client,
)
from trio_groq.client import GroqClient
from trio_groq.types.files import File

__all__ = ["command", "upload"]


def _shown(file: File) -> list[str]:
    """What is known of one file, a line for each fact."""
    return in_columns(
        [
            ("file", file.id),
            ("name", file.filename),
            ("bytes", str(file.bytes)),
            ("purpose", file.purpose),
            ("created", date(file.created_at)),
        ]
    )


def _table(files: list[File]) -> list[str]:
    head = ("FILE", "NAME", "BYTES", "PURPOSE", "CREATED")
    rows = [
        (file.id, file.filename, str(file.bytes), file.purpose, date(file.created_at))
        for file in files
    ]
    return in_columns([head, *rows], right=(2,))


async def upload(client: GroqClient, path: Path, purpose: str) -> File:
    """Upload a file, with a bar on a terminal.

    Raises:
        GroqError: It cannot be read, or the call failed.
    """
    with progress_bar(path.name) as report:
        return await client.files.create(file=path, purpose=purpose, progress=report)


def _print(output: Output, lines: list[str]) -> None:
    for line in lines:
        output.line(line)


@click.group
def command() -> None:
    """List, upload, download and delete files.

    The key comes from GROQ_API_KEY.
    """


@command.command("list")
@json_option
@base_url_option
def list_command(*, json_wanted: bool, base_url: str | None) -> None:
    """List the files."""

    async def work(client: GroqClient) -> list[File]:
        return (await client.files.list()).data

    files = with_client(base_url, work)
    _print(standard()[0], [as_json(file) for file in files] if json_wanted else _table(files))


@command.command("upload")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--purpose", default="batch", show_default=True, help="What the file is for.")
@json_option
@base_url_option
def upload_command(path: Path, purpose: str, *, json_wanted: bool, base_url: str | None) -> None:
    """Upload the file at PATH and print its id."""
    file = with_client(base_url, partial(upload, path=path, purpose=purpose))
    standard()[0].line(as_json(file) if json_wanted else file.id)


@command.command("info")
@click.argument("file_id")
@json_option
@base_url_option
def info_command(file_id: str, *, json_wanted: bool, base_url: str | None) -> None:
    """Show what is known of a file."""

    async def work(client: GroqClient) -> File:
        return await client.files.info(file_id)

    file = with_client(base_url, work)
    _print(standard()[0], [as_json(file)] if json_wanted else _shown(file))


async def _default_path(client: GroqClient, file_id: str) -> Path:
    """The file's own name, in this folder: a server does not choose where things are written."""
    name = (await client.files.info(file_id)).filename
    path = Path(PurePosixPath(name.replace("\\", "/")).name or file_id)
    if await trio.Path(path).exists():
        raise UsageFailure(f"{path}: expected no such file, got one; --output replaces it")
    return path


@command.command("download")
@click.argument("file_id")
@click.option(
    "--output",
    "path",
    type=click.Path(path_type=Path),
    help="Where to; by default the file's own name, which must be free.",
)
@json_option
@base_url_option
def download_command(
    file_id: str, path: Path | None, *, json_wanted: bool, base_url: str | None
) -> None:
    """Download a file: it appears whole, or not at all."""

    async def work(client: GroqClient) -> tuple[Path, int]:
        target = path or await _default_path(client, file_id)
        return target, await download(client, file_id, target)

    target, size = with_client(base_url, work)
    output, _ = standard()
    if json_wanted:
        output.line(as_json({"file_id": file_id, "path": str(target), "bytes": size}))
    else:
        output.line(f"{target}: {size} bytes")


@command.command("delete")
@click.argument("file_ids", metavar="FILE_ID...", nargs=-1, required=True)
@json_option
@base_url_option
def delete_command(file_ids: tuple[str, ...], *, json_wanted: bool, base_url: str | None) -> None:
    """Delete files."""
    output, _ = standard()

    async def work(client: GroqClient) -> None:  # noqa: ASYNC910 (there is one at least)
        for file_id in file_ids:
            deleted = await client.files.delete(file_id)
            output.line(as_json(deleted) if json_wanted else f"{deleted.id} deleted")

    with_client(base_url, work)
