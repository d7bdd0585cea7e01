"""A Trio application gets a model: its client is passed in, its nursery and its cancellation rule.

Set GROQ_API_KEY, and run it: python examples/existing_app.py
It answers the question of whoever connects, over TCP; here it asks itself one.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import trio

from trio_groq import GroqClient, GroqError, Timeouts

MAX_BYTES = 4096
PATIENCE = 30.0  # seconds, for question and answer


@dataclass(frozen=True)
class Assistant:
    """The part of the application that answers. It owns nothing and starts nothing.

    Attributes:
        client: Shared with all that need one; whoever made it closes it.
        model: Which model answers.
    """

    client: GroqClient
    model: str

    async def answer(self, question: str, to: trio.abc.SendStream) -> None:
        """Send the answer as it is being written: a slow reader slows the model down."""
        async with self.client.chat.completions.stream(
            model=self.model, messages=[{"role": "user", "content": question}]
        ) as stream:
            async for text in stream.text_deltas():
                await to.send_all(text.encode())


async def serve_peer(assistant: Assistant, peer: trio.SocketStream) -> None:
    """One connection of the application. What goes wrong in it stays in it."""
    async with peer:
        with suppress(trio.BrokenResourceError):  # it left, and the model was stopped
            try:
                with trio.fail_after(PATIENCE):
                    question = await peer.receive_some(MAX_BYTES)
                    await assistant.answer(question.decode(errors="replace"), peer)
            except GroqError as error:
                await peer.send_all(f"sorry: {error}".encode())
            except trio.TooSlowError:
                await peer.send_all(b"sorry: that took too long")


async def main() -> None:
    # One client for the whole run: its connections are what makes the next call fast.
    async with (
        GroqClient(timeout=Timeouts(first_token=10.0)) as client,
        trio.open_nursery() as nursery,
    ):
        handler = partial(serve_peer, Assistant(client, "openai/gpt-oss-20b"))
        serve = partial(trio.serve_tcp, host="127.0.0.1")
        listeners: list[trio.SocketListener] = await nursery.start(serve, handler, 0)

        async with await trio.open_tcp_stream(*listeners[0].socket.getsockname()) as peer:
            await peer.send_all(b"What is a nursery in Trio?")
            async for data in peer:
                print(data.decode(errors="replace"), end="", flush=True)
        print()
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
