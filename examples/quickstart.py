"""One completion, then one that is printed while it is being written.

Set GROQ_API_KEY, and run it: python examples/quickstart.py
"""

import trio

from trio_groq import GroqClient


async def main() -> None:
    async with GroqClient() as client:
        completion = await client.chat.completions.create(
            model="openai/gpt-oss-120b",
            messages=[{"role": "user", "content": "Hello"}],
        )
        print(completion.choices[0].message.content)

        async with client.chat.completions.stream(
            model="openai/gpt-oss-20b",
            messages=[{"role": "user", "content": "Count to five"}],
        ) as stream:
            async for text in stream.text_deltas():
                print(text, end="", flush=True)
        print()
        print(stream.completion.usage)


if __name__ == "__main__":
    trio.run(main)
