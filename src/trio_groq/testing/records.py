"""What the server remembers of a request."""

from collections.abc import Mapping
from typing import Any

import attrs

__all__ = ["RecordedRequest"]


@attrs.frozen(kw_only=True)
class RecordedRequest:
    """One request as it arrived, whole.

    Attributes:
        method: Such as `POST`.
        path: The target without its query, such as `/openai/v1/chat/completions`.
        query: What follows the `?`, undecoded; empty for none.
        headers: Names (lower case) and values in the order of arrival. Not shown by `repr`: they
            hold the key.
        body: The content, after its transfer coding.
        json: The content decoded, None if it is empty or no JSON.
        connection: Number of the connection, from 1.
        received_at: Moment on Trio's clock, in seconds, when the last byte had been read.
        http_version: `1.1` or `1.0`.
    """

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = attrs.field(default=(), repr=False)
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    json: Any = attrs.field(default=None, repr=False)
    connection: int
    received_at: float
    http_version: str = "1.1"

    def header(self, name: str) -> str | None:
        """The field's value, joined by commas if it is repeated; None if it is absent."""
        wanted = name.lower().encode("latin-1")
        values = [value.decode("latin-1") for field, value in self.headers if field == wanted]
        return ", ".join(values) if values else None

    @property
    def params(self) -> Mapping[str, Any]:
        """The JSON object in the body; empty if it holds none."""
        return self.json if isinstance(self.json, dict) else {}
