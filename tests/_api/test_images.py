"""Images become `data:` URLs."""

import base64
from pathlib import Path
from typing import Any

import pytest

from trio_groq._api.images import data_url, find_images, with_images
from trio_groq.errors import InvalidRequestError

PNG = b"\x89PNG\r\n\x1a\nrest"
ASK = {"type": "text", "text": "What is it?"}


def image(url: object) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, "detail": "low"}}


def user(*parts: object) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a..", "image/gif"),
        (b"GIF89a..", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_an_image_becomes_a_url(data: bytes, media_type: str, kind: Any) -> None:
    encoded = base64.b64encode(data).decode()
    assert data_url(kind(data)) == f"data:{media_type};base64,{encoded}"


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"RIFF\0\0\0\0WAVE", b"%PDF"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="x: expected a PNG, JPEG, GIF or WebP") as caught:
        data_url(data, "x")
    assert caught.value.path == "x"


def test_only_what_is_no_url_is_found() -> None:
    path = Path("a.png")
    messages = [
        {"role": "system", "content": "Look"},
        user(ASK, image("https://a.test/a.png"), image(PNG)),
        user(image("data:image/png;base64,AA=="), image(path)),
    ]
    assert find_images(messages) == {
        "messages[1].content[2].image_url.url": PNG,
        "messages[2].content[1].image_url.url": path,
    }


@pytest.mark.parametrize(
    "messages",
    [
        None,
        "text",
        b"bytes",
        5,
        [],
        [None, 5, "x"],
        [{"role": "user"}],
        [{"content": None}, {"content": "text"}, {"content": {"a": 1}}],
        [user(None, 5, "x", {}, {"image_url": None}, {"image_url": "x"}, {"image_url": {}})],
        [user(image(None), image(5), image(["x"]))],
    ],
)
def test_what_is_wrong_is_left_to_the_check(messages: Any) -> None:
    assert find_images(messages) == {}


def test_the_caller_s_messages_stay_as_they_are() -> None:
    messages = [user(ASK), user(ASK, image(PNG), image("https://a.test"))]
    made = with_images(messages, lambda path, _image: f"data:{path}")
    path = "messages[1].content[1].image_url.url"
    assert made == [user(ASK), user(ASK, image(f"data:{path}"), image("https://a.test"))]
    assert messages[1]["content"][1] == image(PNG)
    assert made[0] is messages[0]


def test_a_tuple_of_parts_is_as_good() -> None:
    made = with_images([{"role": "user", "content": (image(PNG),)}], lambda _path, _image: "data:")
    assert made == [{"role": "user", "content": [image("data:")]}]


def test_all_images_together_have_a_limit() -> None:
    messages = [user(image("data:" + "x" * 45), image("https://a.test/" + "x" * 100), image(PNG))]
    assert with_images(messages, lambda _path, _image: "data:" + "y" * 45, limit=100)
    with pytest.raises(InvalidRequestError) as caught:
        with_images(messages, lambda _path, _image: "data:" + "y" * 46, limit=100)
    assert str(caught.value) == (
        "messages[0].content[2].image_url.url: expected images of at most 100 bytes within a "
        "request (encoded), got 101 up to here; larger ones can be sent as a URL"
    )
