"""The clients that are compared, one file each; what all of them must be able to do."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any, Final, Protocol, TypeAlias

import attrs

from benchmarks.loops import LOOPS, Loop
from benchmarks.target import Target

__all__ = ["ALL", "NEEDS", "SLOW", "OnToken", "Peer", "Session", "load", "request_body", "some"]

OnToken: TypeAlias = Callable[[Any], object]
"""Called with the text of each chunk (empty in the first one), as soon as the caller has it."""


class Session(Protocol):
    """A client that is open. Any number of calls may run at once."""

    async def stream(self, model: str, on_token: OnToken) -> None:
        """Make a streamed completion and read it to its end."""
        ...

    async def complete(self, prompt: str) -> str | None:
        """Make a plain completion; its text."""
        ...


@attrs.frozen
class _Listing:
    label: str
    module: str
    loop: str
    needs: tuple[str, ...] = ()


SLOW: Final = frozenset({"httpx_sse", "openai", "groq_asyncio", "groq_trio"})
"""Peers that take most of the time and are an order of magnitude away: fewer rounds tell enough."""


@attrs.frozen
class Peer:
    """One client on one event loop."""

    name: str
    loop: Loop
    connect: Callable[[Target], AbstractAsyncContextManager[Session]]


_LISTINGS: Final[dict[str, _Listing]] = {
    "trio_groq": _Listing("trio-groq", "trio_groq_client", "trio"),
    "trio_groq_batches": _Listing("trio-groq, batches()", "trio_groq_batches", "trio"),
    "raw_trio": _Listing("bare socket by hand, Trio", "raw_trio", "trio"),
    "trio_sockets": _Listing("Trio's sockets by hand", "trio_sockets", "trio"),
    "aiohttp_uvloop": _Listing(
        "aiohttp by hand, uvloop", "aiohttp_by_hand", "uvloop", ("aiohttp", "uvloop")
    ),
    "aiohttp": _Listing("aiohttp by hand, asyncio", "aiohttp_by_hand", "asyncio", ("aiohttp",)),
    "httpx_sse": _Listing("httpx + httpx-sse, Trio", "httpx_sse", "trio", ("httpx", "httpx_sse")),
    "openai": _Listing(
        "openai + aiohttp, asyncio", "openai_aiohttp", "asyncio", ("openai", "aiohttp")
    ),
    "groq_asyncio": _Listing("groq SDK, asyncio", "groq_sdk", "asyncio", ("groq",)),
    "groq_trio": _Listing("groq SDK, Trio", "groq_sdk", "trio", ("groq",)),
}

ALL: Final[dict[str, str]] = {name: listing.label for name, listing in _LISTINGS.items()}
"""Name -> label."""
NEEDS: Final[dict[str, tuple[str, ...]]] = {
    name: listing.needs for name, listing in _LISTINGS.items()
}
"""Name -> modules that must be installed."""


def some(names: Iterable[str]) -> dict[str, str]:
    """Name -> label, of these."""
    return {name: ALL[name] for name in names}


def load(name: str) -> Peer:
    """Import a peer."""
    listing = _LISTINGS[name]
    module = import_module(f"{__name__}.{listing.module}")
    return Peer(name, LOOPS[listing.loop], module.connect)


def request_body(model: str, prompt: str = "Hello", *, stream: bool) -> dict[str, Any]:
    """The parameters that all peers send."""
    return {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": stream}
