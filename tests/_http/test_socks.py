"""SOCKS5, sans-IO: any pieces, every refusal, and nothing that is not the protocol."""

import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_groq._http.messages import Origin
from trio_groq._http.proxies import Proxy, as_proxy
from trio_groq._http.socks import Socks5, require_socksio
from trio_groq.errors import APIConnectionError, ConfigurationError, ProtocolError

pytest.importorskip("socksio")

ORIGIN = Origin("https", "api.groq.com", 443)
PLAIN = Proxy("socks5h", "proxy.test", 1080)
ASK = b"\x05\x01\x00\x03\x0capi.groq.com\x01\xbb"
SUCCESS = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


def named(user: str = "user:hunter2") -> Proxy:
    found = as_proxy(f"socks5h://{user}@proxy.test")
    assert found is not None
    return found


def talk(socks: Socks5, answers: list[bytes]) -> list[bytes]:
    """What it says, first to last."""
    return [socks.opening(), *(socks.receive(answer) for answer in answers)]


def test_without_credentials() -> None:
    socks = Socks5(PLAIN, ORIGIN)
    assert talk(socks, [b"\x05\x00", SUCCESS]) == [b"\x05\x01\x00", ASK, b""]
    assert socks.done


def test_with_credentials() -> None:
    socks = Socks5(named(), ORIGIN)
    login = b"\x01\x04user\x07hunter2"
    assert talk(socks, [b"\x05\x02", b"\x01\x00", SUCCESS]) == [
        b"\x05\x02\x00\x02",
        login,
        ASK,
        b"",
    ]
    assert socks.done


def test_a_proxy_that_does_not_want_the_credentials_is_not_given_them() -> None:
    socks = Socks5(named(), ORIGIN)
    assert talk(socks, [b"\x05\x00"]) == [b"\x05\x02\x00\x02", ASK]


def test_an_empty_password() -> None:
    socks = Socks5(named("user"), ORIGIN)
    assert talk(socks, [b"\x05\x02"])[1] == b"\x01\x04user\x00"


@pytest.mark.parametrize(
    ("host", "packed"),
    [
        ("10.1.2.3", b"\x01\x0a\x01\x02\x03"),
        ("fd00::1", b"\x04\xfd" + bytes(14) + b"\x01"),
        ("a.test", b"\x03\x06a.test"),
    ],
)
def test_addresses(host: str, packed: bytes) -> None:
    socks = Socks5(PLAIN, Origin("http", host, 80))
    assert talk(socks, [b"\x05\x00"])[1] == b"\x05\x01\x00" + packed + b"\x00\x50"


REPLIES = [
    SUCCESS,
    b"\x05\x00\x00\x04" + bytes(16) + b"\x01\xbb",
    b"\x05\x00\x00\x03\x04name\x01\xbb",
    b"\x05\x00\x00\x03\x00\x01\xbb",
]


@given(st.sampled_from(REPLIES), st.booleans(), st.lists(st.integers(1, 9), max_size=20))
def test_any_pieces_come_to_the_same(reply: bytes, login: bool, sizes: list[int]) -> None:
    socks = Socks5(named() if login else PLAIN, ORIGIN)
    socks.opening()
    lengths = iter(sizes)

    def pieces(message: bytes) -> Iterator[bytes]:
        while message:
            size = next(lengths, 1)
            yield message[:size]
            message = message[size:]

    said = b""
    for message in [b"\x05\x02", b"\x01\x00", reply] if login else [b"\x05\x00", reply]:
        assert not socks.done
        for piece in pieces(message):
            said += socks.receive(piece)
    assert socks.done
    assert said == (b"\x01\x04user\x07hunter2" if login else b"") + ASK


@pytest.mark.parametrize(
    ("reply", "said", "retryable"),
    [
        (1, "a general failure", True),
        (2, "no permission by its rules", False),
        (3, "that the network is unreachable", True),
        (4, "that the host is unreachable", True),
        (5, "that the connection was refused", True),
        (6, "that the time to live has expired", True),
        (7, "that it does not know the command", False),
        (8, "that it does not know the kind of address", False),
        (99, "reply 99", True),
    ],
)
def test_refusals(reply: int, said: str, retryable: bool) -> None:
    with pytest.raises(APIConnectionError) as caught:
        talk(Socks5(PLAIN, ORIGIN), [b"\x05\x00", bytes([5, reply]) + SUCCESS[2:]])
    assert str(caught.value) == (
        f"proxy socks5h://proxy.test:1080: expected a way to https://api.groq.com, got {said}"
    )
    assert caught.value.is_retryable is retryable


@pytest.mark.parametrize("proxy", [PLAIN, named()], ids=["no user", "user"])
@pytest.mark.parametrize("method", [0xFF, 1, 3])
def test_no_way_to_authenticate(proxy: Proxy, method: int) -> None:
    with pytest.raises(APIConnectionError, match="no way to authenticate") as caught:
        talk(Socks5(proxy, ORIGIN), [bytes([5, method])])
    assert not caught.value.is_retryable
    assert "hunter2" not in f"{caught.value!r}{caught.value.__notes__}"


def test_a_login_that_was_not_offered_is_refused() -> None:
    with pytest.raises(APIConnectionError, match="no way to authenticate"):
        talk(Socks5(PLAIN, ORIGIN), [b"\x05\x02"])


def test_a_wrong_password() -> None:
    with pytest.raises(APIConnectionError, match="user or password is wrong") as caught:
        talk(Socks5(named(), ORIGIN), [b"\x05\x02", b"\x01\x01"])
    assert not caught.value.is_retryable
    assert "hunter2" not in f"{caught.value!r}{caught.value.__notes__}"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([b"\x04\x00"], "SOCKS version 5, got 4"),
        ([b"H"], "SOCKS version 5, got an answer in HTTP"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "SOCKS version 5, got an answer in HTTP"),
        ([b"I\x00"], "SOCKS version 5, got 73"),
        ([b"\x05\x00\x00"], "a message of 2 bytes, got more"),
        ([b"\x05\x02", b"\x05\x00"], "version 1 of user and password, got 5"),
        ([b"\x05\x00", b"\x04\x00" + SUCCESS[2:]], "SOCKS version 5, got 4"),
        ([b"\x05\x00", b"\x05\x00\x00\x02\x00"], "an address of type 1, 3 or 4, got 2"),
        ([b"\x05\x00", SUCCESS + b"x"], "a message of 10 bytes, got more"),
    ],
)
def test_what_is_no_socks(answers: list[bytes], reason: str) -> None:
    with pytest.raises(
        ProtocolError, match=r"^proxy socks5h://proxy\.test:1080: expected "
    ) as caught:
        talk(Socks5(named(), ORIGIN), answers)
    assert reason in str(caught.value)


def test_an_http_proxy_in_its_place_is_told() -> None:
    with pytest.raises(ProtocolError) as caught:
        talk(Socks5(named(), ORIGIN), [b"HTTP/1.0 501 Not Implemented\r\n"])
    assert caught.value.__notes__ == ["It is no SOCKS proxy: begin its URL with http://."]
    assert not caught.value.is_retryable


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio.socks5", None)
    with pytest.raises(ConfigurationError, match=r"trio-groq\[socks\]"):
        require_socksio()
