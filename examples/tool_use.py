"""Python functions as tools: the model asks for them, they run side by side, and it answers.

Set GROQ_API_KEY, and run it: python examples/tool_use.py "Is it warmer in Lima or in Oslo?"
"""

import sys
from typing import Literal

import trio

from trio_groq import (
    GroqClient,
    RunFinishedEvent,
    ToolFinishedEvent,
    ToolStartedEvent,
)
from trio_groq.types import ContentEvent

WEATHER = {"Lima": 19.0, "Oslo": -4.0, "Delhi": 31.5}


async def temperature(city: str) -> float:
    """The temperature in a city, in degrees Celsius.

    Args:
        city: Its name in English.
    """
    await trio.sleep(0.01)  # a request to a weather service
    if city not in WEATHER:
        raise LookupError(f"no weather for {city!r}")  # the model is told, and may try again
    return WEATHER[city]


def convert(degrees: float, unit: Literal["celsius", "fahrenheit"]) -> float:
    """Convert a temperature into another unit.

    Args:
        degrees: In the other of the two units.
        unit: The unit to convert it into.
    """
    return degrees * 9 / 5 + 32 if unit == "fahrenheit" else (degrees - 32) * 5 / 9


async def main(question: str) -> None:
    async with (
        GroqClient() as client,
        client.chat.completions.stream_tools(
            model="openai/gpt-oss-120b",
            messages=[{"role": "user", "content": question}],
            tools=[temperature, convert],
            max_steps=5,
        ) as events,
    ):
        async for event in events:
            match event:
                case ToolStartedEvent(call, arguments):
                    print(f"-> {call.function.name} {arguments}")
                case ToolFinishedEvent(result):
                    print(f"<- {result.call.function.name} {result.content}")
                case ContentEvent(text):
                    print(text, end="", flush=True)
                case RunFinishedEvent(run):
                    tokens = run.usage.total_tokens if run.usage else "?"
                    print(f"\n{len(run.steps)} steps, {tokens} tokens")


if __name__ == "__main__":
    trio.run(main, " ".join(sys.argv[1:]) or "Is it warmer in Lima or in Oslo?")
