"""Many completions at once, under one deadline: who is done in time counts, the rest is cancelled.

Set GROQ_API_KEY, and run it: python examples/concurrent_deadline.py
"""

import trio

from trio_groq import GroqClient, GroqError

QUESTIONS = [f"Name one fact about the number {number}." for number in range(1, 11)]
SECONDS = 10.0


async def ask(client: GroqClient, question: str, answers: dict[str, str]) -> None:
    try:
        completion = await client.chat.completions.create(
            model="openai/gpt-oss-20b",
            messages=[{"role": "user", "content": question}],
            reasoning_effort="low",
            max_completion_tokens=500,  # thoughts count, too
        )
    except GroqError as error:  # one failure must not cancel the others
        answers[question] = f"failed: {error}"
    else:
        answers[question] = completion.choices[0].message.content or ""


async def main() -> None:
    answers: dict[str, str] = {}
    async with GroqClient() as client:
        with trio.move_on_after(SECONDS):
            async with trio.open_nursery() as nursery:
                for question in QUESTIONS:
                    nursery.start_soon(ask, client, question, answers)
    for question in QUESTIONS:
        print(f"{question} {answers.get(question, 'not in time')}")


if __name__ == "__main__":
    trio.run(main)
