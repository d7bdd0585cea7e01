"""A test of your own code against FakeGroq: no key, no network, and every failure on demand.

With pytest, the fixture `fake_groq` gives the same server. Run it: python
examples/testing_with_fake_groq.py
"""

import trio

from trio_groq import GroqClient, RateLimitError
from trio_groq.testing import FakeGroq, Reply


async def summarize(client: GroqClient, text: str) -> str:
    """The code under test."""
    completion = await client.chat.completions.create(
        model="llama-3.1-8b-instant",
        messages=[
            {"role": "system", "content": "Summarize in one sentence."},
            {"role": "user", "content": text},
        ],
    )
    return completion.choices[0].message.content or ""


async def main() -> None:
    async with (
        FakeGroq() as server,
        GroqClient(api_key="gsk_test", base_url=server.url, max_retries=0) as client,
    ):
        server.enqueue(Reply(content="Short."), Reply.error(429, "Slow down", retry_after=7))
        print(await summarize(client, "A long text."))
        try:
            await summarize(client, "Another one.")
        except RateLimitError as error:
            print(f"refused, again in {error.retry_after:g} s")
        print(f"{len(server.requests)} requests were made")


if __name__ == "__main__":
    trio.run(main)
