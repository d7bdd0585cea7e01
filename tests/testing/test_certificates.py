"""Certificates: trusted by those who are told to, and by nobody else."""

import builtins
import ssl
from typing import Any

import pytest

from trio_groq.testing.certificates import issue


def handshake(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> str | None:
    """Both sides over memory; the protocol that they agreed on."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (ours, theirs, ours, theirs):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return ours.selected_alpn_protocol()


def test_a_client_with_the_authority_trusts_the_server() -> None:
    made = issue("localhost", "127.0.0.1", "127.0.0.1")
    for name in ("localhost", "127.0.0.1"):
        assert handshake(made.client_context(), made.server_context, name) == "http/1.1"
    assert made.ca_pem.startswith(b"-----BEGIN CERTIFICATE-----")


def test_others_do_not_trust_it() -> None:
    made, other = issue("localhost"), issue("localhost")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(other.client_context(), made.server_context, "localhost")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made.client_context(), made.server_context, "groq.test")


def test_without_trustme_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_trustme(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "trustme":
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_trustme)
    with pytest.raises(ModuleNotFoundError, match=r"trio-groq\[test\]"):
        issue("localhost")
