"""The load server: a process of its own that costs so little that clients are all one measures.

    python -m benchmarks.server

It listens on two ports of the loopback, plain and TLS, says which on its standard output (one line
of JSON), and ends with its standard input. The request's `model` says what comes back:

    full:N   a stream of N tokens, as fast as the socket takes it
    paced    a stream without end; each token's text is the time at which it was sent
    plain    a whole completion

`GET /control?rate=R` sets how many tokens a second *each* paced stream gets, `?total=T` how many
all of them get together; `?end=1` ends all of them as a whole answer ends; without a query it only
answers with the server's figures: CPU time, how many paced tokens it sent, and by how much it was
late with one at the most.
"""

import gc
import json
import re
import selectors
import socket
import ssl
import sys
import time
from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import parse_qs, urlsplit

import trustme

from benchmarks import wire
from benchmarks.limits import raise_descriptor_limit
from benchmarks.pacing import Ring

RECEIVE_BYTES: Final = 262_144
BACKLOG: Final = 4096
NOT_YET: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_MODEL: Final = re.compile(rb'"model" *: *"([^"]*)"')


class Connection:
    """One client connection: requests in, prebuilt bytes out."""

    __slots__ = ("_inbox", "_outbox", "_server", "_sock", "_waits_to_write", "closed")

    def __init__(self, server: "Server", sock: socket.socket) -> None:
        self._server = server
        self._sock = sock
        self._inbox = bytearray()
        self._outbox: deque[memoryview] = deque()
        self._waits_to_write = False
        self.closed = False
        server.selector.register(sock, selectors.EVENT_READ, self)

    def on_ready(self, events: int) -> None:
        """The socket can be read from or written to."""
        if events & selectors.EVENT_WRITE:
            self._flush()
        if events & selectors.EVENT_READ and not self.closed:
            self._receive()

    def _receive(self) -> None:
        while not self.closed:
            try:
                data = self._sock.recv(RECEIVE_BYTES)
            except NOT_YET:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                return
            self._inbox += data
            self._answer_requests()

    def _answer_requests(self) -> None:
        inbox = self._inbox
        while not self.closed:
            head_end = inbox.find(b"\r\n\r\n")
            if head_end < 0:
                return
            length = _LENGTH.search(inbox, 0, head_end)
            end = head_end + 4 + (int(length[1]) if length else 0)
            if len(inbox) < end:
                return
            request = bytes(inbox[:end])
            del inbox[:end]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        if request.startswith(b"GET "):
            self.write(self._server.control(request.split(b" ", 2)[1].decode()))
            return
        model = _MODEL.search(request)
        kind, _, tokens = model[1].partition(b":") if model else (b"plain", b"", b"")
        if kind == b"full":
            self.write(wire.full_speed_stream(int(tokens)))
        elif kind == b"paced":
            self.write(wire.STREAM_HEAD + wire.first_chunk())
            self._server.ring.join(self)
        else:
            self.write(wire.PLAIN)

    def write(self, data: bytes) -> None:
        """Send at once what the socket takes, the rest when it can take more."""
        self._outbox.append(memoryview(data))
        if not self._waits_to_write:
            self._flush()

    def _flush(self) -> None:
        outbox = self._outbox
        while outbox and not self.closed:
            try:
                sent = self._sock.send(outbox[0])
            except NOT_YET:
                self._wait_to_write(wanted=True)
                return
            except OSError:
                self.close()
                return
            if sent == len(outbox[0]):
                outbox.popleft()
            else:
                outbox[0] = outbox[0][sent:]
        self._wait_to_write(wanted=False)

    def _wait_to_write(self, *, wanted: bool) -> None:
        if wanted != self._waits_to_write and not self.closed:
            self._waits_to_write = wanted
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
            self._server.selector.modify(self._sock, events, self)

    def close(self) -> None:
        """Close. The ring drops a closed stream when its turn comes."""
        if not self.closed:
            self.closed = True
            self._server.selector.unregister(self._sock)
            self._sock.close()


class Listener:
    """Takes connections on one port."""

    def __init__(self, server: "Server", context: ssl.SSLContext | None) -> None:
        self._server = server
        self._context = context
        self._sock = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self._sock.settimeout(0.0)
        self.port: int = self._sock.getsockname()[1]
        server.selector.register(self._sock, selectors.EVENT_READ, self)

    def on_ready(self, _events: int) -> None:
        """At least one connection is waiting."""
        while True:
            try:
                sock, _ = self._sock.accept()
            except BlockingIOError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(0.0)
            if self._context is not None:  # the first receive does the handshake
                sock = self._context.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                )
            Connection(self._server, sock)


class Server:
    """Both ports, the ring, and the loop that serves them."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.selector = selectors.DefaultSelector()
        self.ring = Ring()
        self.plain_port = Listener(self, None).port
        self.tls_port = Listener(self, context).port

    def control(self, target: str) -> bytes:
        """Obey `/control?...` and answer with the figures."""
        options = {
            name: float(values[-1]) for name, values in parse_qs(urlsplit(target).query).items()
        }
        late = self.ring.late
        if options.pop("end", 0):
            self.ring.end()
        if options:
            self.ring.pace(**options)
        figures = {"cpu": time.process_time(), "sent": self.ring.sent, "late": late}
        body = json.dumps(figures).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        return head % len(body) + body

    def run(self) -> None:
        """Serve until standard input ends."""
        self.selector.register(sys.stdin, selectors.EVENT_READ, None)
        while True:
            if self.ring.active:
                time.sleep(self.ring.nap())
                ready = self.selector.select(0)
            else:
                ready = self.selector.select()
            for key, events in ready:
                if key.data is None:
                    return
                key.data.on_ready(events)
            self.ring.serve()


def main() -> None:
    """Make a certificate, listen, say where, serve."""
    raise_descriptor_limit()
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    server = Server(context)
    with TemporaryDirectory() as folder:
        ca_file = Path(folder, "ca.pem")
        ca_file.write_bytes(authority.cert_pem.bytes())
        where = {
            "plain_port": server.plain_port,
            "tls_port": server.tls_port,
            "ca_file": str(ca_file),
        }
        print(json.dumps(where), flush=True)
        gc.freeze()
        server.run()


if __name__ == "__main__":
    main()
