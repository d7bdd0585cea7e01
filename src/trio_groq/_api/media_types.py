"""What a response's `content-type` says of its body."""

from collections.abc import Mapping

__all__ = ["is_event_stream", "media_type"]


def media_type(headers: Mapping[str, str]) -> str:
    """`content-type` in lower case without parameters; of a repeated field the first.

    Args:
        headers: Header fields; names are looked up in lower case.
    """
    return headers.get("content-type", "").partition(",")[0].partition(";")[0].strip().lower()


def is_event_stream(headers: Mapping[str, str]) -> bool:
    """Tell whether a response can be read as server-sent events.

    A response without `content-type` is taken for what was asked for: if it is something else,
    its stream ends before it is complete, which is an error of its own.

    Args:
        headers: Header fields; names are looked up in lower case.

    Source: WHATWG HTML, 9.2.2 (`text/event-stream`, in any case, with any parameters).
    """
    return media_type(headers) in {"", "text/event-stream"}
