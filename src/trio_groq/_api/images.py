"""Images of a request: recognised, encoded as `data:` URLs, and held to what the API takes."""

import base64
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from trio_groq.errors import InvalidRequestError

__all__ = ["MAX_EMBEDDED_BYTES", "Image", "data_url", "find_images", "has_images", "with_images"]

MAX_EMBEDDED_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of all images that one request carries within it, encoded. Larger ones go by URL.
Source: Groq's documentation, "Images and vision"."""

Image: TypeAlias = bytes | bytearray | memoryview | os.PathLike[str]
"""An image that is not yet a URL."""

_KINDS: Final[Sequence[tuple[bytes, int, str]]] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF87a", 0, "image/gif"),
    (b"GIF89a", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
)
"""Signature, its offset, media type. Source: WHATWG MIME Sniffing, 6.1."""


# What it nearly always is comes first, and is quickly seen: of a type, not of an abstract one.
_MAPPINGS: Final = (dict, Mapping)
_SEQUENCES: Final = (list, Sequence)
_PARTS: Final = (list, tuple)


def _media_type(data: bytes, path: str) -> str:
    for signature, offset, media_type in _KINDS:
        if data.startswith(signature, offset):
            return media_type
    raise InvalidRequestError(
        f"{path}: expected a PNG, JPEG, GIF or WebP image, got {len(data)} bytes of another kind",
        path=path,
    )


def data_url(image: bytes | bytearray | memoryview, path: str = "image") -> str:
    """An image as a `data:` URL (RFC 2397).

    Args:
        image: Its bytes.
        path: The parameter, for the message.

    Raises:
        InvalidRequestError: It is none of the kinds that the API takes.
    """
    data = bytes(image)
    media_type = _media_type(data, path)
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def find_images(messages: object) -> dict[str, Image]:
    """The images that are bytes or files, by path, such as `messages[0].content[1].image_url.url`.

    Args:
        messages: As the caller gave them, not checked yet.
    """
    return {path: url for path, url, _ in _urls(messages) if not isinstance(url, str)}


def has_images(messages: object) -> bool:
    """Whether there are images to encode; most conversations have no parts at all."""
    return any(not isinstance(url, str) for _, url, _ in _urls(messages))


def _urls(messages: object) -> Iterator[tuple[str, Any, tuple[int, int]]]:
    if not isinstance(messages, _SEQUENCES) or isinstance(messages, str | bytes):
        return
    for index, message in enumerate(messages):
        content = message.get("content") if isinstance(message, _MAPPINGS) else None
        if not isinstance(content, _PARTS):
            continue
        for number, part in enumerate(content):
            image = part.get("image_url") if isinstance(part, Mapping) else None
            url = image.get("url") if isinstance(image, Mapping) else None
            if isinstance(url, str | bytes | bytearray | memoryview | os.PathLike):
                path = f"messages[{index}].content[{number}].image_url.url"
                yield path, url, (index, number)


def with_images(
    messages: Sequence[Any], encode: Callable[[str, Image], str], limit: int = MAX_EMBEDDED_BYTES
) -> list[Any]:
    """The messages with a URL in the place of each image; the caller's stay as they are.

    Args:
        messages: Messages with images that are bytes or files.
        encode: Makes the `data:` URL of the image at a path.
        limit: Most bytes of all `data:` URLs together.

    Raises:
        InvalidRequestError: They are larger than that.
    """
    result = list(messages)
    total = 0
    for path, url, (index, number) in _urls(messages):
        text = url if isinstance(url, str) else encode(path, url)
        total += len(text) if text.startswith("data:") else 0
        if total > limit:
            raise InvalidRequestError(
                f"{path}: expected images of at most {limit} bytes within a request (encoded), "
                f"got {total} up to here; larger ones can be sent as a URL",
                path=path,
            )
        if text is not url:
            content = list(result[index]["content"])
            part = content[number]
            content[number] = {**part, "image_url": {**part["image_url"], "url": text}}
            result[index] = {**result[index], "content": content}
    return result
