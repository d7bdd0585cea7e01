"""Where the load server is, and how a peer's process talks to it beside what is measured."""

import json
import ssl
from contextlib import closing
from functools import cached_property
from http.client import HTTPConnection
from typing import Any

import attrs

__all__ = ["Target"]


@attrs.frozen(slots=False)
class Target:
    """The load server.

    Attributes:
        plain_port: Its port without TLS.
        tls_port: Its port with TLS.
        ca_file: PEM file of the authority that issued its certificate.
        tls: Whether the peer is to use TLS.
    """

    plain_port: int
    tls_port: int
    ca_file: str
    tls: bool = False

    @property
    def port(self) -> int:
        """The port that the peer is to use."""
        return self.tls_port if self.tls else self.plain_port

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        """Base URL of the OpenAI-compatible API."""
        return f"{self.url}/openai/v1"

    @property
    def chat_url(self) -> str:
        """Where completions are made."""
        return f"{self.api_url}/chat/completions"

    @property
    def over_tls(self) -> "Target":
        """The same server, to be reached over TLS."""
        return attrs.evolve(self, tls=True)

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """Trusts the server's authority."""
        return ssl.create_default_context(cafile=self.ca_file)

    def figures(self, query: str = "") -> dict[str, Any]:
        """Ask for the server's figures, or set its pace. Blocks for a fraction of a millisecond."""
        with closing(HTTPConnection("127.0.0.1", self.plain_port)) as connection:
            connection.request("GET", f"/control{query}")
            figures: dict[str, Any] = json.loads(connection.getresponse().read())
            return figures

    def pace(self, *, rate: float = 0.0, total: float = 0.0) -> None:
        """Set tokens a second, for each paced stream or for all together; 0 pauses them."""
        self.figures(f"?rate={rate}&total={total}")
