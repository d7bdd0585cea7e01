"""From the body of a successful response to a value.

What there is to say of a body that is none loads with the first one: most programs see few.
"""

# ruff: noqa: PLC0415 (see above)

from collections.abc import Mapping
from typing import Protocol, TypeVar

from trio_groq.errors import RequestInfo
from trio_groq.types._base import Buffer

__all__ = ["JSONDecoder", "decode_json"]

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class JSONDecoder(Protocol[_T_co]):
    """What makes a value of one JSON document; a `msgspec.json.Decoder` is one."""

    def decode(self, data: Buffer, /) -> _T_co:
        """Decode, or raise `ValueError`."""


def decode_json(
    body: Buffer,
    decoder: JSONDecoder[_T],
    *,
    status: int,
    headers: Mapping[str, str],
    request: RequestInfo | None = None,
) -> _T:
    """Decode the body of a successful response.

    Args:
        body: The content, decompressed.
        decoder: Made once for the type that is wanted.
        status: HTTP status, for the message.
        headers: Header fields; names are looked up in lower case.
        request: What was asked.

    Returns:
        What the decoder makes of it.

    Raises:
        APIResponseValidationError: The body is not JSON, or not of the decoder's type. The
            message has what was expected and what came, with the path in the document.
    """
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError) as cause:
        from trio_groq._api.responses import error_from_undecodable_body

        error = error_from_undecodable_body(status, headers, body, cause, request=request)
        raise error from cause
