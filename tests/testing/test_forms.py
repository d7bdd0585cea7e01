"""Forms out of multipart bodies."""

import pytest

from trio_groq.testing.forms import FormError, FormFile, parse_form
from trio_groq.testing.records import RecordedRequest

TYPE = b"multipart/form-data; boundary=XX"


def request_of(body: bytes, content_type: bytes | None = TYPE) -> RecordedRequest:
    headers = () if content_type is None else ((b"content-type", content_type),)
    return RecordedRequest(
        method="POST", path="/", headers=headers, body=body, connection=1, received_at=0.0
    )


def part(disposition: str, data: bytes, *more: str) -> bytes:
    lines = [f"Content-Disposition: {disposition}", *more]
    return b"--XX\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + data + b"\r\n"


def test_fields_and_files_are_read() -> None:
    body = (
        part('form-data; name="model"', b"whisper")
        + part('form-data; name="kinds[]"', b"word")
        + part('form-data; name="kinds[]"', "ä".encode())
        + part('form-data; name="file"; filename="a.wav"', b"\x00\r\n\xff--X", "Content-Type: a/b")
        + b"--XX--\r\n"
    )
    form = parse_form(request_of(body))
    assert form.fields == {"model": ["whisper"], "kinds[]": ["word", "ä"]}
    assert form.files == {"file": FormFile("a.wav", "a/b", b"\x00\r\n\xff--X")}
    assert form.value("kinds[]") == "ä"
    assert form.value("other") is None
    assert "7 bytes" in repr(form.files["file"])


def test_names_are_unescaped() -> None:
    body = part('form-data; name="a%22b"; filename="x%0D%0A;=y"', b"") + b"--XX--"
    assert parse_form(request_of(body)).files == {
        'a"b': FormFile("x\r\n;=y", "text/plain", b""),
    }


def test_a_name_needs_no_quotes_and_a_boundary_may_have_them() -> None:
    body = part("form-data; name=a", b"1") + b"--XX--"
    kind = b'Multipart/Form-Data; charset=utf-8; boundary="XX"'
    assert parse_form(request_of(body, kind)).fields == {"a": ["1"]}


def test_a_form_may_be_empty() -> None:
    assert parse_form(request_of(b"--XX--\r\n")).fields == {}


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        (b"{}", b"application/json", "isn't multipart/form-data"),
        (b"{}", None, "isn't multipart/form-data"),
        (b"--XX--", b"multipart/form-data", "isn't multipart/form-data"),
        (b"", TYPE, "expected a closing boundary"),
        (part('form-data; name="a"', b"1"), TYPE, "expected a closing boundary"),
        (b"junk\r\n--XX--", TYPE, "expected a closing boundary"),
        (part('attachment; name="a"', b"1") + b"--XX--", TYPE, "expected a part with a name"),
        (part("form-data", b"1") + b"--XX--", TYPE, "expected a part with a name"),
        (b"--XX\r\nContent-Disposition: x\r\n--XX--", TYPE, "expected a part with a name"),
    ],
)
def test_what_is_no_form_is_told(body: bytes, content_type: bytes | None, said: str) -> None:
    with pytest.raises(FormError, match=said):
        parse_form(request_of(body, content_type))
