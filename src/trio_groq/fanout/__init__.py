"""Many calls under one roof: what the methods of `GroqClient` for fan-out take and return.

`map` makes any number of calls, so many of them at a time; `merge` reads many streams as one;
`hedge`, `race` and `fallback` make several attempts at one answer.
"""

from importlib import import_module
from typing import TYPE_CHECKING

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
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"trio_groq.{home}"), name)
