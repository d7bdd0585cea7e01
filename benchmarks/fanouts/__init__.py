"""Programs that make many completions at once, one file each; the job that all of them have."""

from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs

from benchmarks.loops import LOOPS, Loop
from benchmarks.target import Target

__all__ = ["ALL", "NEEDS", "FanOut", "Job", "Program", "load", "requests"]


@attrs.frozen
class Job:
    """What is to be done.

    Attributes:
        count: Of completions.
        at_once: So many in flight at the most.
        results: JSONL file that gets a line for each: the request's number and the whole answer.
    """

    count: int
    at_once: int
    results: Path


FanOut: TypeAlias = Callable[[Target, Job], Awaitable[object]]
"""Opens a client, does the job and closes the client."""


@attrs.frozen
class _Listing:
    label: str
    module: str
    function: str
    loop: str
    needs: tuple[str, ...] = ()


_LISTINGS: Final[dict[str, _Listing]] = {
    "trio_groq": _Listing("trio-groq, client.map", "client_map", "fan_out", "trio"),
    "groq_trio": _Listing("groq SDK, a nursery", "sdk_nursery", "fan_out", "trio", ("groq",)),
    "queue_loop": _Listing(
        "queue loop over aiohttp", "queue_loop", "fan_out", "asyncio", ("aiohttp",)
    ),
    "queue_loop_eager": _Listing(
        "queue loop, without its pace", "queue_loop", "fan_out_eagerly", "asyncio", ("aiohttp",)
    ),
}

ALL: Final[dict[str, str]] = {name: listing.label for name, listing in _LISTINGS.items()}
"""Name -> label."""
NEEDS: Final[dict[str, tuple[str, ...]]] = {
    name: listing.needs for name, listing in _LISTINGS.items()
}
"""Name -> modules that must be installed."""


@attrs.frozen
class Program:
    """One way of doing it, on one event loop."""

    loop: Loop
    fan_out: FanOut


def load(name: str) -> Program:
    """Import a program, and with it only its own client."""
    listing = _LISTINGS[name]
    module = import_module(f"{__name__}.{listing.module}")
    return Program(LOOPS[listing.loop], getattr(module, listing.function))


def requests(count: int) -> Iterator[dict[str, Any]]:
    """The parameters of each completion."""
    for number in range(count):
        yield {"model": "plain", "messages": [{"role": "user", "content": f"Number {number}"}]}
