from base64 import b64encode
from typing import Any
from urllib.parse import quote

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq._api.auth import Secret
from trio_groq._api.redaction import (
    MAX_PIECE,
    MAX_SEARCHED,
    MAX_SEARCHED_IN_ALL,
    MIN_SECRET,
    Redactor,
    hiding,
    repeats,
)
from trio_groq._http.messages import Headers
from trio_groq.errors import APIError, ConfigurationError

KEY = "gw-0123/456789~abc&defghijk"


def knowing(key: str = KEY) -> Redactor:
    return Redactor([(b"Authorization", f"Bearer {key}".encode("latin-1"))])


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("", ""),
        ("no key", "no key"),
        (KEY, "***"),
        (f"<{KEY}>{KEY}{KEY}", "<***>******"),
        (f"the key {KEY.upper()} is bad", "the key *** is bad"),
        (f"cut {KEY[:15]}", "cut ***"),
        (f"{KEY[-15:]} is the end", "*** is the end"),
        (f"{KEY[3:18]} and {KEY[:MAX_PIECE]}", "*** and ***"),
        (KEY[: MAX_PIECE - 1], KEY[: MAX_PIECE - 1]),
        (KEY.replace("/", "\\/"), "***"),
        (KEY.replace("&", "&amp;"), "***"),
        ("gw-0123%2F456789~abc%26defghijk", "***"),
        (f"\N{LATIN CAPITAL LETTER I WITH DOT ABOVE} {KEY}", "\u0130 ***"),
        ("another gsk_abc-def_0", "another gsk_***"),
    ],
)
def test_texts(text: str, hidden: str) -> None:
    assert knowing().text(text) == hidden


@given(st.text(max_size=30), st.text(max_size=30), st.integers(0, 12), st.integers(13, 27))
@settings(deadline=None, max_examples=200)
def test_no_piece_of_a_key_is_left(before: str, after: str, start: int, end: int) -> None:
    told = knowing().text(f"{before}{KEY[start:end]}{after}").lower()
    pieces = [KEY[at : at + MAX_PIECE] for at in range(len(KEY) - MAX_PIECE + 1)]
    assert not any(piece in told for piece in pieces)


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=100)
def test_without_secrets_only_what_looks_like_one_is_hidden(text: str) -> None:
    assert Redactor().text(text) == text


def test_short_keys_are_words() -> None:
    assert knowing("none!").text("is none!") == "is none!"
    assert len("none!") < MIN_SECRET
    assert knowing("ollama").text("is ollama") == "is ***"


def test_long_texts_are_searched_for_whole_keys() -> None:
    text = f"{'x' * MAX_SEARCHED}{KEY.upper()}x"
    assert knowing().text(text) == f"{'x' * MAX_SEARCHED}***x"


DOTTED = "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}"
"""The only character that becomes two in lower case."""


def test_letters_that_become_two_hide_nothing() -> None:
    assert knowing().text(f"{DOTTED} {KEY.upper()} {DOTTED}") == f"{DOTTED} *** {DOTTED}"
    assert knowing().text(f"{DOTTED} {KEY[3:18].upper()}") == f"{DOTTED} ***"
    text = f"{DOTTED * MAX_SEARCHED}{KEY.upper()}"
    assert knowing().text(text) == f"{DOTTED * MAX_SEARCHED}***"
    assert knowing("ollama").text(f"{DOTTED} OLLAMA") == f"{DOTTED} ***"
    assert [chr(code) for code in range(0x110000) if len(chr(code).lower()) > 1] == [DOTTED]


def test_pieces_are_searched_for_in_so_much_and_whole_keys_in_all() -> None:
    redactor = knowing()
    text = KEY[:15].ljust(MAX_SEARCHED, ".")
    told = [redactor.text(text) for _ in range(MAX_SEARCHED_IN_ALL // MAX_SEARCHED)]
    assert told == ["***".ljust(MAX_SEARCHED - len(KEY[3:15]), ".")] * len(told)
    assert redactor.text(KEY[:15]) == KEY[:15]
    assert redactor.text(f"a {KEY.upper()} b {KEY}") == "a *** b ***"


def test_texts_without_pieces_cost_nothing_of_what_is_searched() -> None:
    redactor = knowing()
    for _ in range(MAX_SEARCHED_IN_ALL // MAX_SEARCHED + 1):
        redactor.text("." * MAX_SEARCHED)
    assert redactor.text(KEY[:15]) == "***"


def test_pieces_are_made_once() -> None:
    """Else each text would cost as much as a key is long, and keys may have 4,000 characters."""
    redactor = knowing("".join(f"{number:05}" for number in range(800)))
    assert redactor.text("a 0012300124001 b") == "a *** b"
    pieces = redactor._pieces
    assert redactor.text("a 0045600457004 b") == "a *** b"
    assert redactor._pieces is pieces


@given(st.integers(0, 20), st.integers(0, 15), st.text("ab01", max_size=20))
@settings(deadline=None, max_examples=200)
def test_a_piece_is_found_wherever_it_stands(before: int, at: int, after: str) -> None:
    assert knowing().text(f"{'.' * before}{KEY[at : at + MAX_PIECE]}.{after}") == (
        f"{'.' * before}***.{after}"
    )


@pytest.mark.parametrize(
    "field",
    [
        (b"authorization", f"Bearer  {KEY} ".encode()),
        (b"Authorization", KEY.encode()),
        (b"Proxy-Authorization", b"Basic " + b64encode(f"user:{KEY}".encode())),
        (b"x-api-key", KEY.encode()),
        (b"API_KEY", KEY.encode()),
        (b"X-Auth-Token", KEY.encode()),
        (b"cookie", KEY.encode()),
    ],
)
def test_secret_fields(field: tuple[bytes, bytes]) -> None:
    redactor = Redactor([(b"Accept", b"text/plain; of no interest"), field])
    assert redactor.text(f"no {KEY}, text/plain; of no interest") == (
        "no ***, text/plain; of no interest"
    )


def test_basic_credentials_are_hidden_in_both_forms() -> None:
    pair = b64encode(f"user:{KEY}".encode()).decode()
    redactor = Redactor([(b"authorization", f"Basic {pair}".encode())])
    assert redactor.text(f"{pair} user:{KEY}") == "*** ***"
    assert Redactor([(b"authorization", b"Basic x=y=z!")]).text("x=y=z!") == "***"


def test_basic_credentials_that_are_no_ascii() -> None:
    redactor = Redactor([(b"authorization", "Basic clé-SECRETE".encode("latin-1"))])
    assert redactor.text("not clé-SECRETE") == "not ***"


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer ", b"Digest", b"Negotiate", b"ApiKey"])
def test_a_scheme_without_credentials_is_no_secret(scheme: bytes) -> None:
    text = f"expected {scheme.decode()} and a key"
    assert Redactor([(b"authorization", scheme)]).text(text) == text
    assert not repeats(Headers([(b"vary", scheme)]), [(b"authorization", scheme)])


def test_no_rule_leaves_the_end_of_a_known_key() -> None:
    """Those for keys of any kind end at characters that this one has."""
    assert knowing(f"{KEY}=mno.pqr&stu").text(f"Bearer {KEY}=mno.pqr&stu") == "Bearer ***"


def test_secrets_of_a_query() -> None:
    redactor = Redactor(target=b"/v1?page=1234567&api_key=gw-0123%2F456789&key=abcdefgh")
    assert redactor.text("1234567 gw-0123/456789 abcdefgh") == "1234567 *** ***"


def test_bodies_and_values() -> None:
    redactor = knowing()
    body = f'{{"error": "bad {KEY}", "é": 1}}'.encode()
    assert redactor.start(memoryview(body), 100) == '{"error": "bad ***", "é": 1}'.encode()
    assert redactor.start(body, 12) == body[:12]
    payload = {KEY: [1, None, {"a": f"b{KEY}"}], "c": True}
    assert redactor.value(payload) == {"***": [1, None, {"a": "b***"}], "c": True}
    innocent = {"a": [1, "b"]}
    assert redactor.value(innocent) is innocent


def test_header_fields() -> None:
    fields = Headers([(b"a", b"1"), (b"b", KEY.encode()), (b"set-cookie", b"x"), (b"b", b"2")])
    hidden = knowing().headers(fields)
    assert hidden.raw == ((b"a", b"1"), (b"b", b"***"), (b"set-cookie", b"x"), (b"b", b"2"))
    innocent = Headers([(b"A", b"1")])
    assert knowing().headers(innocent) is innocent
    assert knowing().headers({"a": KEY}) == {"a": "***"}


@pytest.mark.parametrize("key", [KEY, "gw-01/23", "a/b/c/d/e/f"])
def test_whether_header_fields_repeat_a_secret(key: str) -> None:
    fields = [(b"accept", b"application/json"), (b"Authorization", f"Bearer {key}".encode())]

    def told(name: str, value: str) -> bool:
        return repeats(Headers([(b"a", b"1"), (name.encode(), value.encode())]), fields)

    assert told("b", f"Bearer {key}")
    assert told("b", f"<{key.upper()}>")
    assert told(f"x-{key}", "")
    assert not told("accept", "application/json")
    assert not told("b", key[:5])
    in_query = Headers([(b"b", key.encode())])
    assert repeats(in_query, (), f"/v1?key={quote(key)}".encode())
    assert not repeats(in_query, (), f"/v1?kind={quote(key)}".encode())
    assert not repeats(in_query, [(b"authorization", key[:5].encode())])


def test_header_fields_repeat_an_escaped_secret() -> None:
    fields = [(b"authorization", KEY.encode())]
    assert repeats(Headers([(b"link", f"</{quote(KEY, safe='')}>".encode())]), fields)


def undecodable(owner: str = "trio_groq._api") -> UnicodeDecodeError:
    """One that was raised and caught in a module of that name."""
    code = "def fail(data):\n try: data.decode()\n except ValueError as exc: return exc"
    module: dict[str, Any] = {"__name__": owner}
    exec(code, module)  # noqa: S102 (written the line before)
    error = module["fail"](f"{KEY}\xff".encode("latin-1"))
    assert isinstance(error, UnicodeDecodeError)
    return error


def shown(error: BaseException) -> str:
    return f"{error}{error!r}{error.args}{vars(error)}"


def test_errors_and_what_led_to_them() -> None:
    error, cause = APIError(f"bad {KEY}", body={"a": KEY}), msgspec.DecodeError(f"no {KEY}")
    error.add_note(f"about {KEY}")
    error.__cause__, cause.__context__ = cause, undecodable()
    cause.__context__.__cause__ = error  # a circle
    knowing().hide(error)
    seen: list[Any] = [error, cause, cause.__context__]
    for each in seen:
        assert "0123" not in shown(each)
    assert str(error) == error.message == "bad ***"
    assert error.body == {"a": "***"}
    assert error.__notes__ == ["about ***"]
    assert "invalid start byte" in str(seen[2])


@attrs.frozen(slots=False)
class FrozenError(ValueError):
    text: str


class ForeignError(Exception):
    """One of a kind that we do not make."""


def test_errors_of_the_caller_stay_as_they_are() -> None:
    theirs, behind = undecodable("application"), undecodable()
    theirs.__context__ = behind  # whatever it is: what led to theirs is theirs
    caught = OSError(f"no {KEY}")
    caught.__context__ = theirs
    error = APIError(f"bad {KEY}")
    error.__cause__ = error.__context__ = caught
    knowing().hide(error)
    assert str(error) == "bad ***"
    assert str(caught) == "no ***"
    for each in (theirs, behind):
        assert each.object == f"{KEY}\xff".encode("latin-1")
    foreign = ForeignError(KEY)
    foreign.__context__ = behind
    error.__cause__, error.__context__ = foreign, FrozenError(KEY)
    knowing().hide(error)
    assert foreign.args == (KEY,)
    assert behind.object


class RefusingError(ValueError):
    """One that has an attribute which nobody can set."""

    @property
    def text(self) -> str:
        return "set by nobody"


def test_errors_that_refuse_to_be_changed() -> None:
    error, frozen, refusing = APIError(f"bad {KEY}"), FrozenError(KEY), RefusingError(KEY)
    vars(refusing)["text"] = KEY
    error.__cause__, frozen.__cause__ = frozen, refusing
    knowing().hide(error)
    assert str(error) == "bad ***"
    assert "0123" not in shown(frozen)
    assert refusing.args == ("***",)
    assert refusing.text == "set by nobody"


@pytest.mark.parametrize("key", [KEY, Secret(KEY)])
def test_hiding(key: object) -> None:
    with (
        pytest.raises(ConfigurationError, match=r"^expected a URL, got '\*\*\*'$"),
        hiding(None, len, key),
    ):
        raise ConfigurationError(f"expected a URL, got {KEY!r}")
    with hiding(key):
        pass
