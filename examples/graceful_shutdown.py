"""A service that ends well: SIGTERM lets it finish what it has begun, and begin nothing new.

Set GROQ_API_KEY, run it, and press Ctrl-C: python examples/graceful_shutdown.py
A second one ends it at once, and so does the end of the patience.
"""

import signal
from collections.abc import AsyncIterator

import trio

from trio_groq import GroqClient, GroqError

JOBS = 20
WORKERS = 3
PATIENCE = 15.0  # seconds; most supervisors kill what is still there after 10 to 30


async def produce(jobs: trio.MemorySendChannel[str], stop: trio.CancelScope) -> None:
    """What a queue would deliver. With its end the channel closes, which ends the workers."""
    with stop, jobs:
        for number in range(1, JOBS + 1):
            await jobs.send(f"Write a haiku about the number {number}.")


async def work(number: int, client: GroqClient, jobs: trio.MemoryReceiveChannel[str]) -> None:
    async for job in jobs:
        print(f"worker {number} begins: {job}", flush=True)
        try:
            completion = await client.chat.completions.create(
                model="openai/gpt-oss-20b", messages=[{"role": "user", "content": job}]
            )
        except GroqError as error:
            print(f"worker {number} failed: {error}", flush=True)
        else:
            print(f"worker {number} is done: {completion.choices[0].message.content}", flush=True)


async def watch(
    signals: AsyncIterator[int], stop: trio.CancelScope, workers: trio.CancelScope
) -> None:
    async for number in signals:
        if stop.cancel_called:
            print(f"{signal.Signals(number).name} again: giving up", flush=True)
            workers.cancel()
        else:
            print(f"{signal.Signals(number).name}: finishing what has begun", flush=True)
            stop.cancel()
            workers.deadline = trio.current_time() + PATIENCE


async def main() -> None:
    stop = trio.CancelScope()
    send, receive = trio.open_memory_channel[str](0)  # no buffer: a job in it would get lost
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with GroqClient() as client, trio.open_nursery() as outer:
            with trio.CancelScope() as workers:
                outer.start_soon(watch, signals, stop, workers)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(produce, send, stop)
                    for number in range(1, WORKERS + 1):
                        nursery.start_soon(work, number, client, receive)
            outer.cancel_scope.cancel()
    print("cancelled" if workers.cancelled_caught else "drained")


if __name__ == "__main__":
    trio.run(main)
