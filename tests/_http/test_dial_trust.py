"""An origin -> a transport: whom TLS trusts."""

import ssl
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

from _http.tls_servers import client_context, open_descriptors, server_context, stay, tls_server
from trio_groq._http import dial
from trio_groq._http.dial import Dialer, default_ssl_context
from trio_groq._http.messages import Origin
from trio_groq.errors import APIConnectionError, ConfigurationError
from trio_groq.testing import FakeGroq


async def test_a_wrong_host_is_refused(authority: trustme.CA) -> None:
    async with tls_server(server_context(authority, "other.test"), stay) as origin:
        with pytest.raises(APIConnectionError, match=r"TLS with .*Hostname mismatch") as caught:
            await Dialer(client_context(authority)).dial(origin)
    assert not caught.value.is_retryable
    assert "another host's" in caught.value.__notes__[0]


async def test_a_wrong_authority_is_refused(authority: trustme.CA) -> None:
    async with tls_server(server_context(trustme.CA()), stay) as origin:
        with pytest.raises(APIConnectionError, match=r"TLS with .*certificate") as caught:
            await Dialer(client_context(authority)).dial(origin)
    assert not caught.value.is_retryable
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


async def test_a_refusal_leaks_no_descriptor(authority: trustme.CA) -> None:
    async with tls_server(server_context(trustme.CA()), stay) as origin:
        dialer = Dialer(client_context(authority))
        counts = []
        for _ in range(3):
            with pytest.raises(APIConnectionError):
                await dialer.dial(origin)
            await trio.testing.wait_all_tasks_blocked(0.01)
            counts.append(open_descriptors())
    assert len(set(counts)) == 1


async def test_a_plain_server_is_no_tls_server(fake_groq: FakeGroq, authority: trustme.CA) -> None:
    origin = Origin("https", "127.0.0.1", int(fake_groq.url[17:]))
    with trio.fail_after(10), pytest.raises(APIConnectionError, match=r"^TLS with https://127"):
        await Dialer(client_context(authority)).dial(origin)


async def test_a_server_that_closes_during_the_handshake(authority: trustme.CA) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery, listener:

        async def close_at_once() -> None:
            await (await listener.accept()).aclose()

        nursery.start_soon(close_at_once)
        origin = Origin("https", "127.0.0.1", listener.socket.getsockname()[1])
        with pytest.raises(APIConnectionError) as caught:
            await Dialer(client_context(authority)).dial(origin)
    assert caught.value.is_retryable


def old_context(context: ssl.SSLContext) -> ssl.SSLContext:
    """The context, down to TLS 1.1 alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


async def test_tls_1_1_is_refused(authority: trustme.CA, trusted: Path) -> None:
    async with tls_server(old_context(server_context(authority)), stay) as origin:
        try:
            (await Dialer(old_context(client_context(authority))).dial(origin)).close()
        except APIConnectionError as error:
            pytest.skip(f"this OpenSSL has no TLS 1.1 to offer: {error}")
        with pytest.raises(APIConnectionError, match=r"^TLS with"):
            await Dialer().dial(origin)


async def test_ssl_cert_file_is_honoured(authority: trustme.CA, trusted: Path) -> None:
    context = default_ssl_context()
    assert context is default_ssl_context()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    async with tls_server(server_context(authority), stay) as origin:
        (await Dialer().dial(origin)).close()


async def test_without_it_our_authority_is_a_stranger(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    async with tls_server(server_context(authority), stay) as origin:
        with pytest.raises((APIConnectionError, ConfigurationError)):
            await Dialer().dial(origin)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_missing_file_is_told(name: str, trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/no/such/path")
    with pytest.raises(ConfigurationError, match=f"^{name}: expected a path that exists"):
        default_ssl_context()


@pytest.mark.parametrize("content", [b"", b"no certificate\n"], ids=["empty", "text"])
def test_a_file_without_certificates_is_told(trusted: Path, content: bytes) -> None:
    # OpenSSL itself passes over it in silence, and trusts whom it trusts without it.
    trusted.write_bytes(content)
    dial._trusting.cache_clear()
    with pytest.raises(ConfigurationError, match=r"^SSL_CERT_FILE: expected"):
        default_ssl_context()


def test_a_system_without_authorities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: Path
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    monkeypatch.setattr(ssl, "create_default_context", lambda: bare)
    monkeypatch.setattr(dial, "_system_has_authorities", lambda context: False)
    monkeypatch.setattr(dial, "_certifi_file", lambda: None)
    dial._trusting.cache_clear()
    with pytest.raises(ConfigurationError, match="expected certificate authorities"):
        default_ssl_context()
    monkeypatch.setattr(dial, "_certifi_file", lambda: str(trusted))
    assert default_ssl_context().cert_store_stats()["x509_ca"] == 1
    dial._trusting.cache_clear()


def test_a_folder_of_authorities_counts_when_there_is_one_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    paths = ssl.get_default_verify_paths()
    folder: Any = str(tmp_path)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths._replace(capath=folder))
    assert not dial._system_has_authorities(bare)
    (tmp_path / "5ed36f99.0").touch()
    assert dial._system_has_authorities(bare)
    folder = None
    assert not dial._system_has_authorities(bare)


def test_certifi_is_used_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found = dial._certifi_file()
    assert found is None or Path(found).is_file()
    monkeypatch.setitem(sys.modules, "certifi", None)
    assert dial._certifi_file() is None
