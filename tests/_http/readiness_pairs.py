"""Two sockets, one of them watched."""

import math
import select
import socket

import trio

from trio_groq._http.readiness import ReadinessOption, watch

OPTIONS: list[ReadinessOption] = ["trio", "auto"]
if hasattr(select, "epoll"):
    OPTIONS.append("epoll")
if hasattr(select, "kqueue"):
    OPTIONS.append("kqueue")


class Pair:
    """Two connected sockets, one of them watched."""

    def __init__(self, option: ReadinessOption = "auto") -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self.watch = watch(self.ours, option)
        self.received = b""

    def attempt(self) -> bool:
        """Receive once; enough at a full stop."""
        try:
            self.received += self.ours.recv(100)
        except BlockingIOError:
            return False
        return self.received.endswith(b".")

    async def until(self, deadline: float = math.inf) -> bytes:
        await self.watch.until(self.attempt, math.inf, deadline)
        received, self.received = self.received, b""
        return received

    def close(self) -> None:
        self.watch.close()
        if self.ours.fileno() >= 0:
            trio.lowlevel.notify_closing(self.ours)
        self.close_sockets()

    def close_sockets(self) -> None:
        """All that is left to do when the run is over."""
        self.ours.close()
        self.theirs.close()
