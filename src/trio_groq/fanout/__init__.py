"""Many calls under one roof: what the methods of `GroqClient` for fan-out take and return.

`map` makes any number of calls, so many of them at a time; `merge` reads many streams as one;
`hedge`, `race` and `fallback` make several attempts at one answer.
"""

from typing import TYPE_CHECKING

from trio_groq._facades import load, names_of

if TYPE_CHECKING:
    from trio_groq._api.adaptive import Adaptive
    from trio_groq.fanout.attempts import Attempts
    from trio_groq.fanout.hedge import HedgeBudget
    from trio_groq.fanout.map import Map
    from trio_groq.fanout.merge import Merge
    from trio_groq.fanout.outcome import ChatRequest, Outcome
    from trio_groq.fanout.race import FALLBACK_ERRORS

__all__ = [
    "FALLBACK_ERRORS",
    "Adaptive",
    "Attempts",
    "ChatRequest",
    "HedgeBudget",
    "Map",
    "Merge",
    "Outcome",
]

# A client has these methods from its import on, and few programs use them: loaded at first use.
_HOMES = {
    "FALLBACK_ERRORS": "fanout.race",
    "Adaptive": "_api.adaptive",
    "Attempts": "fanout.attempts",
    "ChatRequest": "fanout.outcome",
    "HedgeBudget": "fanout.hedge",
    "Map": "fanout.map",
    "Merge": "fanout.merge",
    "Outcome": "fanout.outcome",
}


def __getattr__(name: str) -> object:
    return load(__name__, __all__, name, f"trio_groq.{_HOMES.get(name)}")


def __dir__() -> list[str]:
    return names_of(__name__, __all__)
