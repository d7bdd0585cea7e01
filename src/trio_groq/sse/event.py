"""One server-sent event, as the parser hands it up."""

from typing import final

import msgspec

__all__ = ["ServerSentEvent"]


# gc=False: text, a number and a view of bytes cannot refer back to the event, so no circle can
# form, and a stream's many events stay out of the collector's way.
@final
class ServerSentEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as the WHATWG algorithm dispatches it.

    Attributes:
        event: The event's name; `"message"` when the stream gave none, or an empty one.
        data: The bytes of the `data` lines, joined by LF, as they came. An event that arrived
            whole is a view of the caller's buffer, so it is valid until the next `feed`, or until
            that buffer changes if this is sooner.
        id: The last event id at the moment of dispatch; it persists from event to event.
        retry: Reconnection time in milliseconds that this event's block set, else None.

    Source: WHATWG HTML, 9.2.6 "Interpreting an event stream".
    """

    event: str
    data: memoryview
    id: str
    retry: int | None

    def text(self) -> str:
        """`data` as text: UTF-8, what is not valid replaced by U+FFFD."""
        return str(self.data, "utf-8", "replace")
