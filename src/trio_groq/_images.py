"""Images of a request that are files: read in worker threads."""

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import trio

from trio_groq._api.images import MAX_EMBEDDED_BYTES, Image, data_url, find_images, with_images
from trio_groq.errors import InvalidRequestError

__all__ = ["embed_images"]


def _read(path: str, image: Image) -> str:
    if isinstance(image, bytes | bytearray | memoryview):
        return data_url(image, path)
    try:
        if not stat.S_ISREG(os.stat(image).st_mode):  # noqa: PTH116 (any kind of path)
            raise OSError("no regular file")  # to open a pipe might wait for ever
        with Path(image).open("rb") as file:
            data = file.read(MAX_EMBEDDED_BYTES + 1)
    except (OSError, ValueError) as exc:  # ValueError: a NUL in it
        reason = (exc.strerror if isinstance(exc, OSError) else None) or exc
        raise InvalidRequestError(
            f"{path}: expected an image that can be read, got {str(image)!r} ({reason})",
            path=path,
        ) from exc
    return data_url(data, path)


def _read_all(images: Mapping[str, Image]) -> dict[str, str]:
    urls: dict[str, str] = {}
    left = MAX_EMBEDDED_BYTES
    for path, image in images.items():
        urls[path] = _read(path, image)
        left -= len(urls[path])
        if left < 0:  # `with_images` says so; what follows need not be read
            break
    return urls


async def embed_images(messages: Sequence[Any]) -> Sequence[Any]:
    """The messages with `data:` URLs for the images that are bytes or files.

    Raises:
        InvalidRequestError: A file cannot be read, is no image, or they are too large.
    """
    images = find_images(messages)
    if not images:
        await trio.lowlevel.checkpoint()
        return messages
    urls = await trio.to_thread.run_sync(_read_all, images)
    return with_images(messages, lambda path, _image: urls[path])
