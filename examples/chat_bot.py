"""A chat bot with a memory: it forgets the oldest turns before the context window is full.

Set GROQ_API_KEY, and run it: python examples/chat_bot.py (Ctrl-D ends it)
"""

from collections import deque

import trio

from trio_groq import ContextLengthExceededError, GroqClient, GroqError
from trio_groq.types import ChatCompletionMessageParam

MODEL = "openai/gpt-oss-20b"
RULES = "You are a friendly bot. Answer in a few sentences."
ANSWER_TOKENS = 2048  # of the context window, kept free for the answer
CHARS_PER_TOKEN = 3  # fewer than usual: better forget a turn too early than too late


class Memory:
    """Questions and answers, as many of the latest as fit beside the next question."""

    def __init__(self, tokens: int) -> None:
        self.turns: deque[tuple[str, str]] = deque()
        self.room = tokens * CHARS_PER_TOKEN

    def messages(self, question: str) -> list[ChatCompletionMessageParam]:
        """What to send for a question; what is too old for it is forgotten."""
        said = sum(len(asked) + len(answered) for asked, answered in self.turns)
        while self.turns and len(RULES) + said + len(question) > self.room:
            said -= sum(map(len, self.turns.popleft()))
        messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": RULES}]
        for asked, answered in self.turns:
            messages.append({"role": "user", "content": asked})
            messages.append({"role": "assistant", "content": answered})
        messages.append({"role": "user", "content": question})
        return messages


async def answer(client: GroqClient, memory: Memory, question: str) -> None:
    """Print the answer while it is being written, and remember it."""
    try:
        async with client.chat.completions.stream(
            model=MODEL, messages=memory.messages(question), max_completion_tokens=ANSWER_TOKENS
        ) as stream:
            async for text in stream.text_deltas():
                print(text, end="", flush=True)
    except ContextLengthExceededError:  # the API counts tokens, we only guess
        if not memory.turns:
            raise
        memory.turns.popleft()
        await answer(client, memory, question)
    else:
        print()
        memory.turns.append((question, stream.completion.choices[0].message.content or ""))


def read_line() -> str:
    """The next question. It may block: a bot that does nothing else has nothing to hold up."""
    try:
        return input("> ")
    except EOFError:
        print()
        return ""


async def main() -> None:
    async with GroqClient() as client:
        model = await client.models.retrieve(MODEL)
        memory = Memory((model.context_window or 8192) - ANSWER_TOKENS)
        while question := read_line():
            try:
                await answer(client, memory, question)
            except GroqError as error:  # this question failed, the conversation goes on
                print(f"({error})")


if __name__ == "__main__":
    trio.run(main)
