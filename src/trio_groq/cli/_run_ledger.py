"""What is known of each request: asked for, answered, failed. Sans-IO.

It is made of the output and of what failed, each time a run begins: there is one truth, which
nothing can contradict. A request is known by 16 bytes of its `custom_id`, and holds 23 more: some
200 bytes of memory in all, whatever its length.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, final

from trio_groq._api.error_bodies import one_line
from trio_groq.cli._output import UsageFailure
from trio_groq.cli._run_requests import DIGEST_BYTES, RunRequest, digest_of
from trio_groq.cli._run_results import Entry
from trio_groq.errors import InvalidRequestError

__all__ = ["MAX_REQUESTS", "Ledger", "State"]

MAX_REQUESTS: Final = 2_000_000
"""Requests of a run, forty times as many as a batch may have: some 400 MB of memory."""

_LINE_BYTES: Final = 6


class State(IntEnum):
    """How far a request has come."""

    OPEN = 0
    ANSWERED = 1
    FAILED = 2
    STARTED = 3


class _Known:
    """One request in 23 bytes, and out of them again."""

    __slots__ = ("digest", "line", "state")

    def __init__(self, digest: bytes, state: State, line: int = 0) -> None:
        self.digest = digest
        self.state = state
        self.line = line  # of the input; 0 while it was not met there

    @classmethod
    def unpacked(cls, data: bytes) -> "_Known":
        line = int.from_bytes(data[DIGEST_BYTES + 1 :], "big")
        return cls(data[:DIGEST_BYTES], State(data[DIGEST_BYTES]), line)

    def packed(self) -> bytes:
        return self.digest + bytes((self.state,)) + self.line.to_bytes(_LINE_BYTES, "big")


@final
class Ledger:
    """The requests by their names.

    Args:
        max_requests: Most of them.

    Attributes:
        superseded: Failures that were followed by another failure, or an answer: their lines can
            go.
        stale: Requests that have changed since they were answered or failed: their lines have to
            go before they are asked again.
        unmet: Results of requests that the input did not have.
    """

    def __init__(self, max_requests: int = MAX_REQUESTS) -> None:
        self._max_requests = max_requests
        self._known: dict[bytes, bytes] = {}
        self.superseded = 0
        self.stale = 0
        self.unmet = 0

    # -- what the files say

    def add_failure(self, entry: Entry) -> None:
        """A line of the file of what failed. These come first."""
        key = digest_of(entry.custom_id)
        if key in self._known:
            self.superseded += 1
        else:
            self.unmet += 1
        self._set(key, _Known(entry.digest, State.FAILED))

    def add_answer(self, entry: Entry) -> None:
        """A line of the output.

        Raises:
            UsageFailure: There is another answer to the same request: this file is not ours.
        """
        key = digest_of(entry.custom_id)
        known = self._get(key)
        if known is None:
            self.unmet += 1
        elif known.state is State.ANSWERED:
            raise UsageFailure(
                f"output: expected one answer to each request, got another to "
                f"{one_line(entry.custom_id)!r}"
            )
        else:
            self.superseded += 1
        self._set(key, _Known(entry.digest, State.ANSWERED))

    # -- what the input says

    def meet(self, request: RunRequest, *, force: bool = False) -> State:
        """A request of the input, which is read for the first time.

        Args:
            request: The request.
            force: Ask again what has changed since it was answered or failed.

        Raises:
            InvalidRequestError: Its `custom_id` is another's, it has changed, or it is one too
                many. The message begins with its line.
        """
        key = digest_of(request.custom_id)
        known = self._get(key)
        if known is None:
            known = _Known(request.digest, State.OPEN)
        elif known.line:
            raise _wrong(request, f"one of its own, got {_name(request)} as in line {known.line}")
        else:
            self.unmet -= 1
            if known.digest != request.digest:
                if not force:
                    raise _wrong(
                        request,
                        f"what it was when it was asked, got {_name(request)} with another request",
                    )
                self.stale += 1
                known = _Known(request.digest, State.OPEN)
        known.line = request.line
        self._set(key, known)
        return known.state

    def take(self, request: RunRequest, wanted: State) -> bool:
        """Whether a request is to be asked now; it is met for the second time.

        Args:
            request: The request.
            wanted: Those that are: `OPEN`, or `FAILED` to ask them again.

        Raises:
            InvalidRequestError: The input has changed while it was read.
        """
        key = digest_of(request.custom_id)
        known = self._get(key)
        if known is None or known.digest != request.digest or known.state is State.STARTED:
            raise _wrong(request, f"the input to stay as it was, got {_name(request)} changed")
        if known.state is not wanted:
            return False
        known.state = State.STARTED
        self._set(key, known)
        return True

    # -- what may go

    def keeps_answer(self, entry: Entry) -> bool:
        """Whether a line of the output is the answer to the request as it is now."""
        known = self._get(digest_of(entry.custom_id))
        return known is not None and known.digest == entry.digest

    def failures_kept(self, entries: Iterable[Entry], answered: Iterable[Entry]) -> set[int]:
        """Which lines of the file of what failed still hold.

        Args:
            entries: All of its lines.
            answered: All lines of the output.

        Returns:
            Their numbers, from 0: of each request the last, unless it was answered or has changed.
        """
        last = {
            digest_of(entry.custom_id): number
            for number, entry in enumerate(entries)
            if self.keeps_answer(entry)
        }
        for entry in answered:
            last.pop(digest_of(entry.custom_id), None)
        return set(last.values())

    def _get(self, key: bytes) -> _Known | None:
        data = self._known.get(key)
        return None if data is None else _Known.unpacked(data)

    def _set(self, key: bytes, known: _Known) -> None:
        self._known[key] = known.packed()
        if len(self._known) > self._max_requests:
            raise InvalidRequestError(
                f"run: expected at most {self._max_requests} requests, got more"
            )

    def __len__(self) -> int:
        return len(self._known)


def _name(request: RunRequest) -> str:
    return repr(one_line(request.custom_id))


def _wrong(request: RunRequest, message: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"line {request.line}: custom_id: expected {message}",
        path="custom_id",
        value=request.custom_id,
    )
