"""One batch as it runs, without a task: where it has come to depends on when it is looked at.

Of the time that it takes, the first tenth is `validating`, the last `finalizing`; the requests are
answered one after another between them. Cancelled, it is `cancelling` for a tenth as well.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, final

import attrs

from trio_groq.testing.batch_lines import (
    MAX_LINES,
    AnswerLine,
    Line,
    LineFault,
    read_lines,
    result_line,
)
from trio_groq.testing.files import unix_time

__all__ = ["BatchOrder", "BatchRun"]

_SHARE: Final = 0.1
"""Of the duration: how long it takes to validate, to finalize, and to cancel."""
_ERROR_STATUS: Final = 400
_FINAL: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_EXPIRED: Final = LineFault("batch_expired", "The batch expired before this request was made")
_NO_REQUESTS: Final = LineFault("empty_file", "The input file has no valid request")
_TOO_MANY: Final = LineFault("too_many_lines", f"The input file has more than {MAX_LINES} requests")
_NO_ROOM: Final = LineFault("storage_limit", "There is no room for the results")

Keep = Callable[[str, bytes, float], str | None]
"""Takes name and content of a result file, and the moment on Trio's clock; gives its id, or None
when there is no room."""


@attrs.frozen(kw_only=True)
class BatchOrder:
    """What was asked for.

    Attributes:
        id: The batch's id.
        endpoint: Where the requests go.
        input_file_id: The input.
        data: Its content.
        completion_window: As it was given.
        window: The same in seconds.
        metadata: As it was given.
        created: Moment on Trio's clock.
        duration: Seconds from there to the end.
    """

    id: str
    endpoint: str
    input_file_id: str
    data: bytes = attrs.field(repr=False)
    completion_window: str
    window: float
    metadata: Mapping[str, str] | None
    created: float
    duration: float


@final
class BatchRun:
    """A batch and how far it has come.

    Args:
        order: What was asked for.
        answer: Answers its requests.
        keep: Keeps its files.
        serials: Gives the next request's number on this server, from 1.

    Attributes:
        order: What was asked for.
        status: As the API names it.
    """

    def __init__(
        self, order: BatchOrder, answer: AnswerLine, keep: Keep, serials: Callable[[], int]
    ) -> None:
        self.order = order
        self.status: str = "validating"
        self._answer = answer
        self._keep = keep
        self._serials = serials
        self._lines: list[Line] = []
        self._done = 0
        self._answered = 0
        self._output: list[bytes] = []
        self._errors: list[bytes] = []
        self._faults: list[tuple[int | None, LineFault]] = []
        self._times: dict[str, float] = {}
        self._files: dict[str, str] = {}

    @property
    def _validated_at(self) -> float:
        return self.order.created + self.order.duration * _SHARE

    @property
    def _finalizing_at(self) -> float:
        return self.order.created + self.order.duration * (1 - _SHARE)

    @property
    def _completed_at(self) -> float:
        return self.order.created + self.order.duration

    @property
    def _expires_at(self) -> float:
        return self.order.created + self.order.window

    def advance(self, now: float) -> None:
        """Let everything happen that was due until now.

        Args:
            now: Moment on Trio's clock, never before an earlier one.
        """
        if self.status == "cancelling":
            cancelled_at = self._times["cancelling_at"] + self.order.duration * _SHARE
            if now >= cancelled_at:
                self._finish("cancelled", cancelled_at)
        if self.status == "cancelling" or self.status in _FINAL:
            return
        until = min(now, self._expires_at)
        if self.status == "validating" and until >= self._validated_at:
            self._validate()
        if self.status == "in_progress":
            self._work(until)
        if self.status == "finalizing" and until >= self._completed_at:
            self._finish("completed", self._completed_at)
        if self.status not in _FINAL and now >= self._expires_at:
            self._expire()

    def cancel(self, now: float) -> bool:
        """Cancel it; False if it is too late for that."""
        if self.status == "cancelling":
            return True
        if self.status not in {"validating", "in_progress"}:
            return False
        self.status = "cancelling"
        self._times["cancelling_at"] = now
        return True

    def _validate(self) -> None:
        self._lines = read_lines(self.order.data)
        self._faults = [(line.number, line.fault) for line in self._lines if line.fault]
        reason = None
        if len(self._lines) > MAX_LINES:
            reason = _TOO_MANY
        elif len(self._faults) == len(self._lines):
            reason = _NO_REQUESTS
        if reason is None:
            self.status = "in_progress"
            self._times["in_progress_at"] = self._validated_at
        else:
            self._fail(reason, self._validated_at)

    def _fail(self, reason: LineFault, at: float) -> None:
        self._lines = []
        self._faults.append((None, reason))
        self.status = "failed"
        self._times["failed_at"] = at

    def _work(self, until: float) -> None:
        """Answer the requests that are due."""
        span = self._finalizing_at - self._validated_at
        share = 1.0 if span <= 0 else (until - self._validated_at) / span
        due = len(self._lines) if until >= self._finalizing_at else int(share * len(self._lines))
        while self._done < due:
            self._make(self._lines[self._done])
            self._done += 1
        if until >= self._finalizing_at:
            self.status = "finalizing"
            self._times["finalizing_at"] = self._finalizing_at

    def _make(self, line: Line) -> None:
        if line.fault is not None:
            self._errors.append(result_line(line, self._serials(), None, line.fault))
            return
        answer = self._answer(line.method, line.url, line.body)
        result = result_line(line, self._serials(), answer)
        if answer[0] < _ERROR_STATUS:
            self._answered += 1
            self._output.append(result)
        else:
            self._errors.append(result)

    def _expire(self) -> None:
        for line in self._lines[self._done :]:
            self._errors.append(result_line(line, self._serials(), None, line.fault or _EXPIRED))
        self._done = len(self._lines)
        self._finish("expired", self._expires_at)

    def _finish(self, status: str, at: float) -> None:
        for kind, results in (("output", self._output), ("error", self._errors)):
            data = b"".join(results)
            if not results:
                continue
            kept = self._keep(f"{self.order.id}_{kind}.jsonl", data, at)
            if kept is None:
                self._fail(_NO_ROOM, at)
                return
            self._files[f"{kind}_file_id"] = kept
        self._output, self._errors = [], []
        self.status = status
        self._times[f"{status}_at"] = at

    def shown(self) -> dict[str, Any]:
        """The API's object, as it stands."""
        order = self.order
        times = {
            name: unix_time(self._times[name]) if name in self._times else None
            for name in (
                "in_progress_at",
                "finalizing_at",
                "completed_at",
                "failed_at",
                "expired_at",
                "cancelling_at",
                "cancelled_at",
            )
        }
        return {
            "id": order.id,
            "object": "batch",
            "endpoint": order.endpoint,
            "errors": self._shown_errors(),
            "input_file_id": order.input_file_id,
            "completion_window": order.completion_window,
            "status": self.status,
            "output_file_id": self._files.get("output_file_id"),
            "error_file_id": self._files.get("error_file_id"),
            "created_at": unix_time(order.created),
            "expires_at": unix_time(self._expires_at),
            **times,
            "request_counts": {
                "total": len(self._lines),
                "completed": self._answered,
                "failed": self._done - self._answered,
            },
            "metadata": order.metadata,
        }

    def _shown_errors(self) -> dict[str, Any] | None:
        if not self._faults:
            return None
        data = [
            {"code": fault.code, "message": fault.message, "param": fault.param, "line": number}
            for number, fault in self._faults
        ]
        return {"object": "list", "data": data}
