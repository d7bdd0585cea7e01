"""A server that takes uploads and keeps nothing of them, in a process of its own.

    python -m benchmarks.discarding

It listens on a port of the loopback, says which on its standard output, and ends with its standard
input. Each request is read to its end, as long as its head says, and answered.
"""

import re
import sys
from functools import partial
from typing import Final

import trio

__all__: list[str] = []

RECEIVE_BYTES: Final = 65_536
ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")


async def _serve(stream: trio.SocketStream) -> None:
    async with stream:
        data = b""
        while piece := await stream.receive_some(RECEIVE_BYTES):
            head, end, content = (data + piece).partition(b"\r\n\r\n")
            if not end:
                data = head
                continue
            found = _LENGTH.search(head)
            assert found is not None
            left = int(found[1]) - len(content)
            while left:
                received = len(await stream.receive_some(min(left, RECEIVE_BYTES)))
                if not received:
                    return
                left -= received
            await stream.send_all(ANSWER)
            data = b""


async def _main() -> None:
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, _serve, 0, host="127.0.0.1")
        listeners = await nursery.start(serve)
        print(listeners[0].socket.getsockname()[1], flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(_main)
