"""A call of what the resources do not cover: any method, any path, any body."""

from collections.abc import Mapping
from typing import Any

from trio_groq._api.parameters import encode_json
from trio_groq._api.requests import JSON, Call, HeaderOptions, QueryOptions
from trio_groq._call import NOT_GIVEN
from trio_groq._readers import Reader, bytes_reader, json_reader
from trio_groq.errors import InvalidRequestError
from trio_groq.types._base import Decoder

__all__ = ["generic_call", "generic_reader"]


def generic_call(
    method: str,
    path: str,
    *,
    json: object,
    content: bytes | None,
    headers: HeaderOptions | None,
    query: QueryOptions | None,
    body: Mapping[str, object] | None,
) -> Call:
    """The call that `GroqClient.request` makes; its arguments are described there.

    Raises:
        InvalidRequestError: An argument is not valid.
    """
    encoded, content_type = _encode_body(json, content, body)
    return Call(
        method=_checked_method(method),
        path=_checked_path(path),
        body=encoded,
        content_type=content_type,
        headers=headers or {},
        query=query or {},
    )


def generic_reader(cast_to: type[Any]) -> Reader[Any]:
    """Reads what `cast_to` says; its meaning is described at `GroqClient.request`.

    Raises:
        InvalidRequestError: It is no type that JSON can be decoded into.
    """
    try:
        if cast_to is bytes:
            return bytes_reader()
        return json_reader(Decoder(Any if cast_to is object else cast_to))
    except (TypeError, NameError) as exc:  # NameError: an annotation of it that names nothing
        raise InvalidRequestError(
            f"cast_to: expected a type that JSON can be decoded into, got {cast_to!r} ({exc})",
            path="cast_to",
            value=cast_to,
        ) from exc


def _checked_path(path: str) -> str:
    if not isinstance(path, str):
        got = type(path).__name__
        raise InvalidRequestError(f"path: expected text, got {got}", path="path", value=path)
    return path if path.startswith("/") else f"/openai/v1/{path}"


def _checked_method(method: str) -> str:
    if not (isinstance(method, str) and method.isascii() and method.isalpha()):
        raise InvalidRequestError(
            f"method: expected letters, got {method!r}", path="method", value=method
        )
    return method.upper()


def _encode_body(
    json: object, content: bytes | None, extra_body: Mapping[str, object] | None
) -> tuple[bytes, str | None]:
    if content is not None:
        if not isinstance(content, bytes | bytearray | memoryview):
            raise InvalidRequestError(
                f"content: expected bytes, got {type(content).__name__}", path="content"
            )
        if json is not NOT_GIVEN or extra_body:
            raise InvalidRequestError("content: expected no json or extra_body beside it, got some")
        return bytes(content), None
    if extra_body:
        fields = {} if json is NOT_GIVEN else json
        if not isinstance(fields, Mapping):
            raise InvalidRequestError(
                f"json: expected a mapping beside extra_body, got {type(fields).__name__}",
                path="json",
            )
        json = {**fields, **extra_body}
    return (b"", None) if json is NOT_GIVEN else (encode_json(json), JSON)
