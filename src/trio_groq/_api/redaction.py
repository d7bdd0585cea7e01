"""Hides the secrets that a request was sent with in what is told of its response.

A server may repeat what it was sent: the key that it refuses, a header line, a whole request.
Errors hold what the server said, and so it goes through here first. A key is known by its text and
not by its form: those of gateways look like anything.

A `Redactor` is made when something has failed, and not before. No error keeps one.
"""

import base64
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Final, final, overload
from urllib.parse import parse_qsl, quote

import msgspec

from trio_groq._api.auth import Secret
from trio_groq._http.messages import Headers
from trio_groq._secrets import hidden_in, mask
from trio_groq.errors import GroqError

__all__ = ["Redactor", "hiding", "is_secret", "repeats"]

MIN_SECRET: Final = 6
"""Shorter ones are words like `none` and `EMPTY`, that say that there is no key."""
MAX_PIECE: Final = 12
"""So many characters in a row of a secret are hidden by themselves: excerpts cut it anywhere."""
MAX_SEARCHED: Final = 65_536
"""In longer texts only whole secrets are looked for: pieces cost 0.1 us a character."""
MAX_SEARCHED_IN_ALL: Final = 4 * MAX_SEARCHED
"""So many characters of texts that seem to have pieces are searched for them by one `Redactor`."""
_START: Final = MAX_PIECE // 2

is_secret: Final = re.compile(
    r"(?i)auth|api[-_]?key|^key$|token|secret|password|cookie|signature"
).search
"""Finds out whether a header field, or a parameter of a query, is named like a secret."""
_never_escaped: Final = re.compile(r"[0-9A-Za-z._~-]+").findall
"""Parts of a text that JSON, HTML and URLs write as they are."""
_HIDDEN: Final = "***"
_SCHEMES: Final = frozenset({"bearer", "basic", "digest", "negotiate", "apikey", "token"})
"""Words that are no secret where no credentials follow."""
_PACKAGE: Final = __name__.partition(".")[0]
_MADE_BY_US: Final = (GroqError, msgspec.MsgspecError, ValueError, OSError, zlib.error)
"""What is raised by us, and by what decodes and by what receives. (Of h11 no error is kept.)"""
_HTML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


@final
class Redactor:
    """Puts `***` in the place of secrets: those of one request, and what looks like one.

    Args:
        fields: The request's header fields, `Authorization` among them.
        target: The request's target, for what its query has of keys.
    """

    __slots__ = ("_left", "_pieces", "_starts", "_wholes")

    def __init__(self, fields: Iterable[tuple[bytes, bytes]] = (), target: bytes = b"") -> None:
        secrets = {*_in_fields(fields), *_in_query(target)}
        forms = {form for each in secrets for form in _forms_of(each)}
        self._wholes = sorted(forms, key=len, reverse=True)
        self._pieces: frozenset[str] | None = None
        self._starts: frozenset[str] = frozenset()
        self._left = MAX_SEARCHED_IN_ALL

    @classmethod
    def of_keys(cls, *keys: object) -> "Redactor":
        """One that knows API keys; what is neither text nor a `Secret` is left alone."""
        texts = [key.reveal() if isinstance(key, Secret) else key for key in keys]
        return cls(
            [(b"key", key.encode("latin-1", "replace")) for key in texts if isinstance(key, str)]
        )

    def text(self, text: str) -> str:
        """The text without secrets."""
        # What looks like a secret may end before a known one does.
        return mask(self._without_secrets(text))

    def _without_secrets(self, text: str) -> str:
        if not self._wholes or len(text) < MIN_SECRET:
            return text
        folded = _fold(text)
        is_searched = MAX_PIECE <= len(text) <= min(MAX_SEARCHED, self._left)
        for whole in self._wholes:
            if not (is_searched and len(whole) >= MAX_PIECE) and whole in folded:
                text = _without_whole(text, folded, whole)
                folded = _fold(text)
        return self._without_pieces(text, folded) if is_searched else text

    def _without_pieces(self, text: str, folded: str) -> str:
        """The text with `***` wherever a piece of a secret, or several that overlap, stood."""
        if self._pieces is None:
            self._pieces = _parts_of(self._wholes, MAX_PIECE)
            self._starts = _parts_of(self._wholes, _START)
        # Wherever a piece stands, at one of these places there are so many characters of it.
        steps = range(0, len(folded) - _START + 1, MAX_PIECE - _START + 1)
        if self._starts.isdisjoint([folded[at : at + _START] for at in steps]):
            return text
        self._left -= len(text)
        return _without(text, folded, self._pieces)

    def start(self, body: bytes | bytearray | memoryview, size: int) -> bytes:
        """The first `size` bytes of a body, without secrets."""
        return self.text(bytes(body[:size]).decode("latin-1")).encode("latin-1")

    def value(self, payload: object) -> object:
        """Decoded JSON, every text in it without secrets."""
        return hidden_in(payload, self.text)

    @overload
    def headers(self, headers: Headers) -> Headers: ...
    @overload
    def headers(self, headers: Mapping[str, str]) -> Mapping[str, str]: ...
    def headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Header fields without secrets; the same ones where there are none."""
        if not isinstance(headers, Headers):
            return {self.text(name): self.text(value) for name, value in headers.items()}
        lines = b"\n".join([part for field in headers.raw for part in field])
        if self._bytes(lines) == lines:
            return headers
        return Headers([(self._bytes(name), self._bytes(value)) for name, value in headers.raw])

    def hide(self, error: BaseException) -> None:
        """Take the secrets out of an error, and out of what led to it. Never raises.

        What the caller was handling when the call began is in the chain, too: it is the caller's,
        and stays as it is.

        Args:
            error: One of ours, or one that we have just caught.
        """
        pending: list[BaseException | None] = [error]
        seen: set[int] = set()
        while pending:
            each = pending.pop()
            if each is None or id(each) in seen:
                continue
            seen.add(id(each))
            if isinstance(each.__cause__, _MADE_BY_US):
                pending.append(each.__cause__)
            if isinstance(each.__context__, _MADE_BY_US) and _was_caught_here(each.__context__):
                pending.append(each.__context__)
            self._hide_one(each)

    def _hide_one(self, error: BaseException) -> None:
        if isinstance(error, UnicodeDecodeError):  # it holds all that was to be decoded
            _put(error, "object", b"")
            _put(error, "args", (*error.args[:1], b"", *error.args[2:]))
        values: dict[str, object] = {"args": error.args, **vars(error)}
        for name, value in values.items():
            hidden = self.value(value)
            if hidden is not value:
                _put(error, name, hidden)

    def _bytes(self, data: bytes) -> bytes:
        return self.start(data, len(data))


def repeats(headers: Headers, fields: Iterable[tuple[bytes, bytes]], target: bytes = b"") -> bool:
    """Whether header fields of a response have a secret of its request, in any case and escaping.

    It is made for responses that nearly never do: some 4 us, and no `Redactor`. One that is cut
    off goes unseen.

    Args:
        headers: The response's.
        fields: The request's.
        target: The request's.
    """
    lines = b"\n".join([part for field in headers.raw for part in field]).lower()
    for secret in (*_in_fields(fields), *_in_query(target)):
        if len(secret) < MIN_SECRET:
            continue
        part = max(_never_escaped(secret), key=len, default="")
        wanted = part if len(part) >= MIN_SECRET else secret
        if wanted.lower().encode("latin-1", "replace") in lines:
            return True
    return False


@contextmanager
def hiding(*keys: object) -> Iterator[None]:
    """Take keys out of the errors that pass: one may have been given where it does not belong."""
    try:
        yield
    except GroqError as exc:
        Redactor.of_keys(*keys).hide(exc)
        raise


def _put(error: BaseException, name: str, value: object) -> None:
    """Set an attribute, of a frozen exception too; a class may still refuse it."""
    with suppress(Exception):  # whatever it says: the error that is told of matters more
        BaseException.__setattr__(error, name, value)


def _was_caught_here(error: BaseException) -> bool:
    """Whether this package handled it: the traceback begins where an exception was caught."""
    caught = error.__traceback__
    module = "" if caught is None else str(caught.tb_frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] == _PACKAGE


def _in_fields(fields: Iterable[tuple[bytes, bytes]]) -> Iterator[str]:
    """What is secret in header fields."""
    for name, value in fields:
        if not _names_secret(name):
            continue
        text = value.decode("latin-1").strip()
        scheme, _, credentials = text.partition(" ")  # RFC 9110, 11.4
        if not credentials and scheme.lower() in _SCHEMES:
            continue
        yield credentials.strip() or text
        if scheme.lower() == "basic":
            try:
                pair = base64.b64decode(credentials).decode("latin-1")
            except ValueError:  # it is no base64, or no ASCII
                continue
            yield pair
            yield pair.partition(":")[2]


@lru_cache(maxsize=128)
def _names_secret(name: bytes) -> bool:
    return is_secret(name.decode("latin-1")) is not None


def _in_query(target: bytes) -> Iterator[str]:
    """What is secret in a request's target."""
    if b"?" not in target:
        return
    query = target.partition(b"?")[2].decode("ascii", "replace")
    for name, value in parse_qsl(query):
        if is_secret(name):
            yield value


def _forms_of(secret: str) -> set[str]:
    """A secret as JSON, HTML and URLs write it, in lower case: host names come like that."""
    if len(secret) < MIN_SECRET:
        return set()
    escaped = secret.replace("\\", "\\\\").replace('"', '\\"')
    forms = {secret, escaped, escaped.replace("/", "\\/"), secret.translate(_HTML)}
    return {form.lower() for form in (*forms, quote(secret, safe=""))}


def _parts_of(wholes: Iterable[str], width: int) -> frozenset[str]:
    """All that is so many characters in a row of one that has `MAX_PIECE` at the least."""
    return frozenset(
        whole[at : at + width]
        for whole in wholes
        if len(whole) >= MAX_PIECE
        for at in range(len(whole) - width + 1)
    )


def _fold(text: str) -> str:
    """The text in lower case, every character where it was: one alone would become two."""
    folded = text.lower()
    return folded if len(folded) == len(text) else text.replace("\u0130", "i").lower()


def _without_whole(text: str, folded: str, whole: str) -> str:
    kept: list[str] = []
    start, at = 0, folded.find(whole)
    while at >= 0:
        kept += text[start:at], _HIDDEN
        start = at + len(whole)
        at = folded.find(whole, start)
    return "".join((*kept, text[start:]))


def _without(text: str, folded: str, pieces: frozenset[str]) -> str:
    kept: list[str] = []
    start = at = 0
    last = len(text) - MAX_PIECE
    while at <= last:
        if folded[at : at + MAX_PIECE] not in pieces:
            at += 1
            continue
        kept += text[start:at], _HIDDEN
        while at < last and folded[at + 1 : at + 1 + MAX_PIECE] in pieces:
            at += 1
        start = at = at + MAX_PIECE
    return "".join((*kept, text[start:])) if kept else text
