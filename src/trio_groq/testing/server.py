"""FakeGroq: the listener, the script and the books."""

import ssl
from collections import deque
from collections.abc import Callable, Container, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import TypeAlias, final

import trio

from trio_groq._http.messages import Origin
from trio_groq.testing.certificates import Certificates, issue
from trio_groq.testing.chat import Names
from trio_groq.testing.connection import Connection
from trio_groq.testing.content import echo
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply
from trio_groq.testing.response_bodies import conversation_of
from trio_groq.testing.routes import DEFAULT_MODELS, Routes

__all__ = ["DefaultReply", "FakeGroq"]

DefaultReply: TypeAlias = Reply | Callable[[RecordedRequest], Reply | None] | None
"""A reply for every request, or what makes one for each; None stands for the echo."""

# The API takes audio of 100 MB and batches of 200 MB; a fake holds bodies in memory, and says so
# with a 413.
_MAX_BODY_BYTES = 128 * 1024 * 1024

# Enough for a test to look at, too little for a load test to grow by.
_MAX_RECORDED = 1000


@final
class FakeGroq:
    """A scripted Groq on a real loopback socket.

    It answers the whole API: chat completions and responses, plain and streamed; speech,
    transcriptions and translations; embeddings, reranking, models, fine tunings; files and batches,
    which it keeps and runs. It refuses what the API refuses (400, 401, 404, 405, 413). Used with
    `async with`; on exit every task has ended and every socket is closed, at once and without a
    word to the clients.

    A reply is looked for in this order: the script's next (`enqueue`), `default_reply`, an echo of
    the last user message. A chat reply waits for a request that passes the API's checks; one from
    `Reply.error`, `Reply.json` or `Reply.raw` is sent to whatever comes. A callable is asked for
    completions that pass the checks, and for paths that the fake does not know. What it raises is
    answered with 500 and raised again when the server is left.

    It paces with Trio's clock, real or mock. Over real sockets `autojump_clock` may jump while
    bytes are under way, which is of no harm: they arrive at the later moment.

    Args:
        tls: Whether it speaks TLS. Needs trustme, of the extra `trio-groq[test]`.
        api_keys: Keys that it accepts, None for any but the empty one.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        models: Models that it has, None for any.
        default_reply: What a request gets when the script is at its end.
        batch_seconds: How long a batch takes, on Trio's clock; 0 for over at the first look.
        max_requests_per_connection: Requests after which a connection is closed, with
            `connection: close` in the last response; None for any number.
        keep_alive: Whether a connection serves a second request at all.
        max_body_bytes: Largest body of a request, in bytes.
        max_recorded: Requests that are remembered, the latest.
    """

    def __init__(
        self,
        *,
        tls: bool = False,
        api_keys: Container[str] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        models: Sequence[str] | None = DEFAULT_MODELS,
        default_reply: DefaultReply = None,
        batch_seconds: float = 2.0,
        max_requests_per_connection: int | None = None,
        keep_alive: bool = True,
        max_body_bytes: int = _MAX_BODY_BYTES,
        max_recorded: int = _MAX_RECORDED,
    ) -> None:
        self.max_body_bytes = max_body_bytes
        self.max_requests_per_connection: int | None = (
            max_requests_per_connection if keep_alive else 1
        )
        self._tls = tls
        self._host = host
        self._port = port
        self._routes = Routes(api_keys, models, self._chat, self.new_names, batch_seconds)
        self._default = default_reply
        self._script: deque[Reply] = deque()
        self._requests: deque[RecordedRequest] = deque(maxlen=max_recorded)
        self._open: set[Connection] = set()
        self._opened = 0
        self._served = 0
        self._named = 0
        self._failure: Exception | None = None
        self._certificates: Certificates | None = None
        self._origin: Origin | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "FakeGroq":
        if self._origin is not None:
            raise RuntimeError("FakeGroq: expected to be entered once, got a second time")
        if self._tls:
            self._certificates = issue("localhost", "127.0.0.1", "::1", self._host)
        listeners = await trio.open_tcp_listeners(self._port, host=self._host)
        port = listeners[0].socket.getsockname()[1]
        self._origin = Origin(
            *(("https", "localhost") if self._tls else ("http", self._host)), port
        )
        nursery = await self._stack.enter_async_context(trio.open_nursery())
        serve = partial(trio.serve_listeners, handler_nursery=nursery)
        nursery.start_soon(serve, self._handle, listeners)
        self._cancel = nursery.cancel_scope.cancel
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cancel()
        # The nursery is not told of `exc`: it would wrap it in a group.
        await self._stack.aclose()
        if self._failure is not None:
            if exc is None:
                raise self._failure
            exc.add_note(f"FakeGroq: default_reply raised {self._failure!r}")

    async def _handle(self, plain: trio.SocketStream) -> None:
        stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = plain
        if self._certificates is not None:
            context = self._certificates.server_context
            # Not `https_compatible`, which would close without the closing alert.
            stream = trio.SSLStream(plain, context, server_side=True)
        self._opened += 1
        connection = Connection(stream, plain.socket, self._opened, self)
        self._open.add(connection)
        try:
            await connection.run()
        finally:
            connection.close()
            self._open.discard(connection)

    def answer(self, request: RecordedRequest) -> Reply:
        """The reply to a whole request; called by the server's connections."""
        self._requests.append(request)
        self._served += 1
        if self._script and not self._script[0].is_chat:
            return self._script.popleft()
        if isinstance(self._default, Reply) and not self._script and not self._default.is_chat:
            return self._default
        if self._routes.is_unknown(request):
            made = self._by_default(request)
            if made is not None and not made.is_chat:
                return made
        return self._routes.answer(request)

    def _chat(self, request: RecordedRequest) -> Reply:
        if self._script:
            return self._script.popleft()
        return self._by_default(request) or echo(conversation_of(request))

    def _by_default(self, request: RecordedRequest) -> Reply | None:
        if self._default is None or isinstance(self._default, Reply):
            return self._default
        try:
            return self._default(request)
        except Exception as failure:  # noqa: BLE001 (kept, and raised when the server is left)
            self._failure = self._failure or failure
            return Reply.error(500, f"FakeGroq: default_reply raised {failure!r}")

    def new_names(self) -> Names:
        """Identities for the next response; called by the server's connections."""
        self._named += 1
        return Names(self._named)

    def enqueue(self, *replies: Reply) -> None:
        """Add replies to the script: one request each, in this order, before the default."""
        self._script.extend(replies)

    def close_connections(self) -> None:
        """Close every open connection now, idle or busy, without a word."""
        for connection in tuple(self._open):
            connection.close()

    def ssl_context(self) -> ssl.SSLContext:
        """A new client context that trusts this server and no other.

        Raises:
            RuntimeError: The server was not made with `tls=True`, or not entered.
        """
        return self._trusted().client_context()

    @property
    def ca_pem(self) -> bytes:
        """The certificate of the server's authority, for `SSL_CERT_FILE`; raises as above."""
        return self._trusted().ca_pem

    def _trusted(self) -> Certificates:
        if self._certificates is None:
            raise RuntimeError("FakeGroq: expected tls=True and `async with`, got no certificate")
        return self._certificates

    @property
    def url(self) -> str:
        """Where it is, as a base URL for a client; known once it is entered."""
        if self._origin is None:
            raise RuntimeError("FakeGroq: expected to be entered before its url is asked for")
        return str(self._origin)

    @property
    def requests(self) -> list[RecordedRequest]:
        """The latest requests that were read whole, refused ones too; a new list each time."""
        return list(self._requests)

    @property
    def replies_left(self) -> int:
        """Replies in the script that no request has taken."""
        return len(self._script)

    @property
    def connections_opened(self) -> int:
        """Connections accepted so far."""
        return self._opened

    @property
    def connections_open(self) -> int:
        """Connections open now."""
        return len(self._open)

    @property
    def requests_served(self) -> int:
        """Requests read whole so far, whatever became of the answer."""
        return self._served

    def __repr__(self) -> str:
        where = "not entered" if self._origin is None else str(self._origin)
        return (
            f"<FakeGroq {where}: {self.connections_open} connections open, "
            f"{self._served} requests served, {self.replies_left} replies left>"
        )
