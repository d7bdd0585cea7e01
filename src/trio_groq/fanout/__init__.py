"""Many calls under one roof: what the methods of `GroqClient` for fan-out take and return.

`map` makes any number of calls, so many of them at a time; `merge` reads many streams as one;
`hedge`, `race` and `fallback` make several attempts at one answer.
"""

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
