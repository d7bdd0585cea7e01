"""A question about images: each is read from its file, encoded and checked before it is sent.

Set GROQ_API_KEY, and run it: python examples/vision.py photo.jpg chart.png
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import trio

from trio_groq import GroqClient, InvalidRequestError
from trio_groq.types import ChatCompletionContentPartImageParam as ImagePart

MODEL = "qwen/qwen3.8-27b"
QUESTION = "What do these images show? One sentence for each."


async def describe(client: GroqClient, images: Sequence[Path]) -> None:
    # Bytes would do in the place of a path, and so would a URL.
    parts = [ImagePart(type="image_url", image_url={"url": image}) for image in images]
    async with client.chat.completions.stream(
        model=MODEL,
        messages=[{"role": "user", "content": [{"type": "text", "text": QUESTION}, *parts]}],
    ) as stream:
        async for text in stream.text_deltas():
            print(text, end="", flush=True)
    print()


async def main(images: Sequence[Path]) -> None:
    async with GroqClient() as client:
        try:
            await describe(client, images)
        except InvalidRequestError as error:  # no file, no image, or too large: nothing was sent
            sys.exit(f"vision.py: {error}")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit("usage: vision.py IMAGE...")
    trio.run(main, [Path(name) for name in sys.argv[1:]])
