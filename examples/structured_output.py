"""An answer that is a value of a type, not text: here the orders in an e-mail.

Set GROQ_API_KEY, and run it: python examples/structured_output.py
"""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import msgspec
import trio

from trio_groq import CutOffError, GroqClient, RefusalError

EMAIL = """\
Hello, this is Ada from Lovelace & Co. We need two dozen punch cards by Friday the 13th of November
2026, and one difference engine. That one can wait. Best, Ada
"""


class Urgency(Enum):
    """High, unless the customer can wait."""

    LOW = "low"
    HIGH = "high"


@dataclass
class Item:
    """One line of an order."""

    name: str
    count: Annotated[int, msgspec.Meta(ge=1, description="Single pieces: a dozen is 12.")]
    urgency: Urgency
    due: Annotated[str | None, msgspec.Meta(description="ISO 8601; null if nothing was said.")]


@dataclass
class Order:
    """What a customer wants."""

    customer: str
    items: list[Item]


async def main() -> None:
    async with GroqClient() as client:
        try:
            completion = await client.chat.completions.parse(
                model="openai/gpt-oss-20b",
                messages=[
                    {"role": "system", "content": "Write down what is ordered."},
                    {"role": "user", "content": EMAIL},
                ],
                response_format=Order,
            )
        except RefusalError as error:
            print(f"The model would not: {error.text}")
        except CutOffError as error:
            print(f"The answer is not whole ({error.finish_reason}): {error.text}")
        else:
            order = completion.parsed  # an Order, also for type checkers
            print(f"{order.customer} orders {sum(item.count for item in order.items)} pieces:")
            for item in order.items:
                print(
                    f"{item.count:3} x {item.name}, {item.urgency.value}, {item.due or 'any day'}"
                )


if __name__ == "__main__":
    trio.run(main)
