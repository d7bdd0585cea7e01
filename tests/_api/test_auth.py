"""The key: what may be one, and who may see it."""

import copy
import json
import pickle
import traceback
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq._api.auth import Secret, checked_secret
from trio_groq.errors import ConfigurationError

KEY = "gsk_0123456789abcdefWXYZ"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(KEY, "...WXYZ", id="a-key"),
        pytest.param("a" * 12 + "WXYZ", "...WXYZ", id="just-long-enough"),
        pytest.param("a" * 11 + "WXYZ", "...", id="too-short"),
        pytest.param("WXYZ", "...", id="four"),
        pytest.param("", "...", id="empty"),
    ],
)
def test_a_secret_shows_its_end_at_the_most(value: str, shown: str) -> None:
    secret = Secret(value)
    assert repr(secret) == str(secret) == f"{secret}" == "%s" % secret == shown  # noqa: UP031 (one of the ways)
    assert f"{secret:>12}" == shown.rjust(12)
    assert repr([secret, {"key": secret}]) == f"[{shown}, {{'key': {shown}}}]"
    assert secret.reveal() == value


@given(st.text(min_size=1))
@settings(deadline=None, max_examples=50)
def test_no_more_than_the_end_is_ever_shown(value: str) -> None:
    assert len(repr(Secret(value))) <= 7
    assert repr(Secret(value))[3:] in ("", value[-4:])


def test_secrets_are_compared_by_value() -> None:
    assert Secret(KEY) == Secret(KEY)
    assert hash(Secret(KEY)) == hash(Secret(KEY))
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY
    assert KEY not in {Secret(KEY): 1}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="never to be pickled") as caught:
        pickle.dumps(Secret(KEY), protocol)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy])
def test_a_secret_can_be_copied_by_reference_only(copier: Any) -> None:
    with pytest.raises(TypeError):
        copier(Secret(KEY))


@pytest.mark.parametrize("encode", [json.dumps, msgspec.json.encode])
def test_a_secret_is_no_json(encode: Any) -> None:
    with pytest.raises(TypeError) as caught:
        encode({"key": Secret(KEY)})
    assert KEY not in str(caught.value)


def test_a_secret_has_no_vars() -> None:
    with pytest.raises(TypeError):
        vars(Secret(KEY))
    with pytest.raises(AttributeError):
        Secret(KEY).other = 1  # type: ignore[attr-defined]


def test_a_traceback_with_locals_shows_the_secret_s_end() -> None:
    secret = Secret(KEY)

    def fail(held: Secret) -> None:
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom") as caught:
        fail(secret)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    text = "".join(line for line in frames.format() if "held" in line)
    assert "held = ...WXYZ" in text
    assert KEY[:-4] not in text


# -- what may be a key


@pytest.mark.parametrize("key", [KEY, Secret(KEY)], ids=["text", "secret"])
def test_a_right_key_is_held_as_a_secret(key: str | Secret) -> None:
    assert checked_secret(key) == Secret(KEY)


@pytest.mark.parametrize(
    ("key", "got"),
    [
        pytest.param("", "an empty one", id="empty"),
        pytest.param(f"{KEY}\n", "position 24 of 25", id="newline"),
        pytest.param(f"{KEY}\r\n", "position 24 of 26", id="crlf"),
        pytest.param(f" {KEY}", "position 0 of 25", id="space-before"),
        pytest.param("gsk a", "position 3 of 5", id="space-within"),
        pytest.param("gsk\ta", "position 3 of 5", id="tab"),
        pytest.param("gsk\x00a", "position 3 of 5", id="nul"),
        pytest.param("gsk\x7fa", "position 3 of 5", id="delete"),
        pytest.param("gské", "position 3 of 4", id="latin"),
        pytest.param("gsk\u200b", "position 3 of 4", id="zero-width"),
        pytest.param("gsk\ud800", "position 3 of 4", id="surrogate"),
        pytest.param(b"gsk_bytes", "got bytes", id="bytes"),
        pytest.param(None, "got NoneType", id="none"),
        pytest.param(5, "got int", id="number"),
    ],
)
def test_a_wrong_key_is_refused_and_not_shown(key: object, got: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^the source: expected") as caught:
        checked_secret(key, source="the source")
    assert got in str(caught.value)
    assert "gsk" not in str(caught.value)
    assert "gsk" not in str(vars(caught.value))
    assert "gsk" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@given(st.text())
@settings(deadline=None, max_examples=200)
def test_what_is_accepted_makes_one_header_value(key: str) -> None:
    try:
        accepted = checked_secret(key).reveal().encode("ascii")
    except ConfigurationError:
        return
    assert accepted
    assert all(0x21 <= byte <= 0x7E for byte in accepted)
