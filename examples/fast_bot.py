"""A bot that cannot wait: a late first token is hedged, a model that fails is replaced.

Set GROQ_API_KEY, and run it: python examples/fast_bot.py "What is TCP?" "And what is UDP?"
"""

import sys
from collections import deque
from collections.abc import Sequence

import trio

from trio_groq import GroqClient, GroqError, RetryPolicy

MODELS = ("openai/gpt-oss-20b", "openai/gpt-oss-120b")  # the fastest first
SECONDS = 5.0  # for the whole answer
# Neither repeat a call nor wait for a rate limit: the next model is there now.
IMPATIENT = RetryPolicy(max_retries=0, max_retry_after=0.0)
FIRST_GUESS = 0.5  # seconds after which a first token is late, until we know better


class Bot:
    """Answers on time, or says that it could not."""

    def __init__(self, client: GroqClient) -> None:
        self.client = client
        self.usual = deque([FIRST_GUESS], maxlen=100)  # seconds to the latest first tokens

    def late(self) -> float:
        """Seconds after which a first token is late: nine of ten are there before."""
        return sorted(self.usual)[len(self.usual) * 9 // 10]

    async def answer(self, question: str) -> None:
        """Print the answer as it comes, from whichever attempt was first to begin with it."""
        params = {"messages": [{"role": "user", "content": question}], "reasoning_effort": "low"}
        attempts = self.client.hedge(
            lambda: self.client.fallback(MODELS, params, stream=True), after=self.late
        )
        try:
            with trio.move_on_after(SECONDS) as deadline:
                async with attempts as stream:
                    async for text in stream.text_deltas():
                        print(text, end="", flush=True)
                first_token = stream.meta.timings.first_token
                if first_token is not None:
                    self.usual.append(first_token)
                print(f" [{stream.completion.model}, {attempts.started} started]")
        except GroqError as error:
            print(f" [{error}]")
        else:
            if deadline.cancelled_caught:
                print(" [out of time]")


async def main(questions: Sequence[str]) -> None:
    async with GroqClient(max_retries=IMPATIENT) as client:
        bot = Bot(client)
        for question in questions:
            await bot.answer(question)


if __name__ == "__main__":
    trio.run(main, sys.argv[1:] or ["What is TCP?"])
