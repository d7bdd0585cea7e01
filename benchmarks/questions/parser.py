"""How fast are the event parsers alone?"""

import time
from collections.abc import Callable, Iterator

from benchmarks import wire
from benchmarks.records import Figures, Metric, Question, Scale
from benchmarks.target import Target

PARSERS = {
    "trio_groq": "trio-groq",
    "httpx_sse": "httpx + httpx-sse",
    "groq": "groq SDK",
    "sseclient": "sseclient-py",
}
NEEDS = {"httpx_sse": ("httpx", "httpx_sse"), "groq": ("groq",), "sseclient": ("sseclient",)}
RECEIVE = 65_536
PIECE = 16
PIECES_OF_ONE_EVENT = 65_536
QUICK_PIECES = 16_384
"""A smaller event where time is short: some parsers take the square of its length."""


def _ours(pieces: list[bytes]) -> int:
    from trio_groq.sse import SSEParser  # noqa: PLC0415 (each parser in a process of its own)

    parser = SSEParser()
    return sum(len(parser.feed(piece)) for piece in pieces)


def _httpx_sse(pieces: list[bytes]) -> int:
    """Bytes to lines by httpx, lines to events by httpx-sse."""
    from httpx._decoders import LineDecoder, TextDecoder  # noqa: PLC0415 (as above)
    from httpx_sse._decoders import SSEDecoder  # noqa: PLC0415 (as above)

    text, lines, decoder = TextDecoder(), LineDecoder(), SSEDecoder()
    return sum(
        decoder.decode(line.rstrip("\n")) is not None
        for piece in pieces
        for line in lines.decode(text.decode(piece))
    )


def _groq(pieces: list[bytes]) -> int:
    from groq._streaming import SSEDecoder  # noqa: PLC0415 (as above)

    return sum(1 for _ in SSEDecoder().iter_bytes(iter(pieces)))


class _Source:
    """What sseclient reads from: an iterator that can be closed."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter(pieces)

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Nothing to close."""


def _sseclient(pieces: list[bytes]) -> int:
    from sseclient import SSEClient  # noqa: PLC0415 (as above)

    return sum(1 for _ in SSEClient(_Source(pieces)).events())


PARSE: dict[str, Callable[[list[bytes]], int]] = {
    "trio_groq": _ours,
    "httpx_sse": _httpx_sse,
    "groq": _groq,
    "sseclient": _sseclient,
}


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _cases(scale: Scale) -> dict[str, tuple[list[bytes], int]]:
    """Name -> pieces, and how many events they hold."""
    event = wire.token_event(b" token").split(b"\r\n")[1]
    count = 5000 if scale.name != "smoke" else 10
    one = PIECES_OF_ONE_EVENT if scale.name == "full" else QUICK_PIECES
    one = one if scale.name != "smoke" else 10
    large = b'data: {"text":"' + b"x" * (one * PIECE - 19) + b'"}\n\n'
    return {
        "tokens in receives of 64 KiB": (_pieces(event * count, RECEIVE), count),
        "one token per receive": ([event] * count, count),
        "one 1 MiB event in pieces of 16 bytes": (_pieces(large, PIECE), 1),
    }


def measure(name: str, _target: Target, scale: Scale) -> Figures:
    """Megabytes a second of CPU time, the best of some runs."""
    figures: Figures = {}
    for case, (pieces, count) in _cases(scale).items():
        size = sum(map(len, pieces))
        fastest = float("inf")
        until = time.process_time() + scale.seconds / 2
        while True:
            started = time.process_time()
            assert PARSE[name](pieces) == count
            ended = time.process_time()
            fastest = min(fastest, ended - started)
            if ended >= until:
                break
        figures[case] = {"speed": size / max(fastest, 1e-9) / 1e6}
    return figures


QUESTION = Question(
    name="parser",
    title="Event parsers alone",
    text=(
        "Bytes to events, without socket or JSON. A large event in small pieces shows whether the "
        "cost is linear. With --quick that event is 256 KiB."
    ),
    peers=PARSERS,
    needs=NEEDS,
    metrics=(Metric("speed", "speed", "MB/s", more_is_better=True),),
    measure=measure,
    rounds=3,
)
