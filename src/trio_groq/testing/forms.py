"""multipart/form-data, as uploads have it: fields and files of a whole body.

Source: RFC 7578, RFC 2046, 5.1.
"""

from collections.abc import Mapping
from email.message import Message
from typing import Final, final

import attrs

from trio_groq.testing.records import RecordedRequest

__all__ = ["Form", "FormError", "FormFile", "parse_form"]

_HEAD_END: Final = b"\r\n\r\n"


@final
class FormError(ValueError):
    """The body is no form; the text says why."""


@attrs.frozen
class FormFile:
    """An uploaded file.

    Attributes:
        name: As the client calls it; may be empty.
        content_type: As the client states it, `text/plain` if it does not.
        data: The content.
    """

    name: str
    content_type: str
    data: bytes = attrs.field(repr=lambda data: f"<{len(data)} bytes>")


@attrs.frozen
class Form:
    """A form, in the order of the body.

    Attributes:
        fields: Values by name.
        files: Files by name; of several with one name the last.
    """

    fields: Mapping[str, list[str]]
    files: Mapping[str, FormFile]

    def value(self, name: str) -> str | None:
        """The last value of a field, None if there is none."""
        values = self.fields.get(name)
        return values[-1] if values else None


def _params(header: str) -> tuple[str, dict[str, str]]:
    """A header's value and its parameters."""
    message = Message()
    message["content-type"] = header
    (value, _), *params = message.get_params() or [("", "")]
    return value.lower(), {name.lower(): str(text) for name, text in params}


def parse_form(request: RecordedRequest) -> Form:
    """Read the form in a request's body.

    Raises:
        FormError: The body is not multipart/form-data, or breaks off.
    """
    kind, params = _params(request.header("content-type") or "")
    boundary = params.get("boundary", "").encode("latin-1", "replace")
    if kind != "multipart/form-data" or not boundary:
        raise FormError("request Content-Type isn't multipart/form-data")
    delimiter = b"\r\n--" + boundary
    first, *parts = (b"\r\n" + request.body).split(delimiter)
    if not parts or not parts[-1].startswith(b"--") or first not in {b"", b"\r\n"}:
        raise FormError("multipart: expected a closing boundary, got the body's end")
    fields: dict[str, list[str]] = {}
    files: dict[str, FormFile] = {}
    for part in parts[:-1]:
        _read_part(part, fields, files)
    return Form(fields, files)


def _read_part(part: bytes, fields: dict[str, list[str]], files: dict[str, FormFile]) -> None:
    head, found, data = part.removeprefix(b"\r\n").partition(_HEAD_END)
    headers = dict(_header(line) for line in head.decode("utf-8", "replace").split("\r\n"))
    kind, params = _disposition(headers.get("content-disposition", ""))
    if not found or kind != "form-data" or "name" not in params:
        raise FormError("multipart: expected a part with a name, got another")
    if "filename" in params:
        content_type = headers.get("content-type", "text/plain")
        files[params["name"]] = FormFile(params["filename"], content_type, data)
    else:
        fields.setdefault(params["name"], []).append(data.decode("utf-8", "replace"))


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


_ESCAPES: Final = {"%22": '"', "%0D": "\r", "%0A": "\n"}


def _disposition(header: str) -> tuple[str, dict[str, str]]:
    """`form-data; name="a"; filename="b"`. WHATWG forms escape quotes and line ends as percents."""
    kind, *rest = header.split(";", 1)
    params: dict[str, str] = {}
    text = rest[0] if rest else ""
    while "=" in text:
        name, _, text = text.partition("=")
        if text.startswith('"'):
            value, _, text = text[1:].partition('"')
        else:
            value, _, text = text.partition(";")
        for escape, character in _ESCAPES.items():
            value = value.replace(escape, character)
        params[name.strip(" ;\t").lower()] = value
    return kind.strip().lower(), params
