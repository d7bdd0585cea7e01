import gc

import msgspec
import pytest

from trio_groq.sse import ServerSentEvent, SSEParser


def event_with(data: bytes | bytearray) -> ServerSentEvent:
    return ServerSentEvent("message", memoryview(data), "", None)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"plain", "plain"),
        ("€豆腐".encode(), "€豆腐"),
        (b"\xef\xbb\xbfkept", "\ufeffkept"),
        (b"a\x80b", "a\ufffdb"),
        (b"\xf0\x9f\x98A", "\ufffdA"),
        (b"\xf4\x90\x80\x80", "\ufffd" * 4),
        (b"\xed\xa0\x80", "\ufffd" * 3),
        (b"cut \xe2\x82", "cut \ufffd"),
    ],
)
def test_text_replaces_what_is_not_utf8(data: bytes, text: str) -> None:
    assert event_with(data).text() == text


def test_is_frozen() -> None:
    with pytest.raises(AttributeError):
        event_with(b"x").event = "other"  # type: ignore[misc]


def test_compares_by_value() -> None:
    assert event_with(b"x") == event_with(bytearray(b"x"))
    assert event_with(b"x") != event_with(b"y")


def test_is_none_of_the_collectors_business() -> None:
    assert not gc.is_tracked(event_with(b"x"))


def test_data_decodes_without_a_detour() -> None:
    (event,) = SSEParser().feed(b'data: {"a": [1, 2]}\n\n')
    assert msgspec.json.decode(event.data) == {"a": [1, 2]}
