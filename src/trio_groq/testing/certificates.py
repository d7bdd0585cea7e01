"""A certificate authority of the server's own, for tests over TLS."""

import ssl

import attrs

__all__ = ["Certificates", "issue"]


@attrs.frozen
class Certificates:
    """What the server shows, and what its clients need to trust it.

    Attributes:
        server_context: TLS with a certificate for `localhost` and the loopback addresses.
        ca_pem: The authority's certificate.
    """

    server_context: ssl.SSLContext = attrs.field(repr=False)
    ca_pem: bytes = attrs.field(repr=False)

    def client_context(self) -> ssl.SSLContext:
        """A new context that trusts this authority and nobody else."""
        context = ssl.create_default_context(cadata=self.ca_pem.decode("ascii"))
        context.set_alpn_protocols(["http/1.1"])
        return context


def issue(*names: str) -> Certificates:
    """Make an authority and a certificate for `names`, a few milliseconds of work.

    Raises:
        ModuleNotFoundError: trustme is not installed.
    """
    try:
        import trustme  # noqa: PLC0415 (an extra, needed for TLS only)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "FakeGroq(tls=True): expected trustme to be installed, got none; "
            "`pip install 'trio-groq[test]'` brings it"
        ) from error
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    authority.issue_cert(*dict.fromkeys(names)).configure_cert(context)
    return Certificates(context, authority.cert_pem.bytes())
