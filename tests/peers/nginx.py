"""A real nginx in front of a server of the test, with all that it writes in one folder."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import trio
import trustme

__all__ = ["NGINX", "Nginx", "in_front_of"]

NGINX: Final = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")

GZIP: Final = """
        gzip on;
        gzip_types text/event-stream application/json;
        gzip_min_length 1;
        gzip_proxied any;
"""

SERVERS: Final[Mapping[str, str]] = {
    "buffered": "proxy_buffering on;",
    "unbuffered": "proxy_buffering off;",
    "gzip": f"proxy_buffering off; {GZIP}",
    "gzip, buffered": f"proxy_buffering on; {GZIP}",
    "closes after 3": "keepalive_requests 3;",
    "no keep-alive": "keepalive_timeout 0;",
    "keep-alive stated": "keepalive_timeout 75s 5s;",
    "closes soon": "keepalive_timeout 50ms;",
    "small requests": "client_max_body_size 1k;",
    "HTTP/1.0 upstream": "proxy_http_version 1.0;",
    "no upstream": "",
    "TLS": "ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;",
}
"""What each server of the one nginx is told; each has a port of its own."""

START_SECONDS: Final = 20.0


@attrs.frozen
class Nginx:
    """The running nginx.

    Attributes:
        authority: Its certificate's.
        folder: Where it writes.
    """

    ports: Mapping[str, int]
    authority: trustme.CA
    folder: Path

    def url(self, server: str) -> str:
        """Where one of `SERVERS` listens."""
        scheme, host = ("https", "localhost") if server == "TLS" else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.ports[server]}"


def free_ports(count: int) -> list[int]:
    """Ports that nobody has, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in sockets]


def configuration(folder: Path, ports: Mapping[str, int], upstream: int, dead: int) -> str:
    """The configuration: a server for each of `SERVERS`, all in front of the same upstream."""
    temp = "\n".join(
        f"    {name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    servers = "".join(
        f"""
    server {{
        listen 127.0.0.1:{port}{" ssl" if name == "TLS" else ""};
        {SERVERS[name].replace("{folder}", str(folder))}
        location / {{ proxy_pass http://127.0.0.1:{dead if name == "no upstream" else upstream}; }}
    }}"""
        for name, port in ports.items()
    )
    return f"""
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1000; }}
http {{
    access_log off;
    default_type text/plain;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
{temp}
{servers}
}}
"""


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    """Connect until it succeeds; in a thread, because it takes real time."""
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"nginx: expected it to listen on port {port}, got none")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it at once, and wait until it has."""
    process.kill()
    process.wait()


@asynccontextmanager
async def in_front_of(upstream: int, folder: Path) -> AsyncIterator[Nginx]:
    """Run nginx as a reverse proxy of the server on the port `upstream`."""
    assert NGINX is not None
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        str(folder / "server.pem")
    )
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        ports = dict(zip(SERVERS, free_ports(len(SERVERS)), strict=True))
        path = folder / "nginx.conf"
        path.write_text(configuration(folder, ports, upstream, nobody.getsockname()[1]))
        output = (folder / "output").open("wb")
        with output:
            process = subprocess.Popen(  # noqa: ASYNC220, S603 (does not wait; our own arguments)
                [NGINX, "-p", str(folder), "-c", str(path)], stdout=output, stderr=output
            )
        try:
            last = ports[next(reversed(ports))]
            await trio.to_thread.run_sync(wait_until_it_listens, process, last)
            yield Nginx(ports, authority, folder)
        finally:
            stop(process)
