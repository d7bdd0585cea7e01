"""The batches endpoints: a batch really runs, as fast as it is told to.

No task runs it. Whoever looks at it, or at the files, finds it where it would be by then.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final, final
from urllib.parse import parse_qs

from trio_groq.testing.batch_lines import ENDPOINTS, AnswerLine
from trio_groq.testing.batch_runs import BatchOrder, BatchRun
from trio_groq.testing.endpoints import Endpoint
from trio_groq.testing.files import Files, identity
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply

__all__ = ["Batches"]

_PATH: Final = "/openai/v1/batches"

_DURATION: Final = 2.0
"""Seconds; the recorded ones, of four short requests, took one to three."""
_PAGE: Final = 20
_MAX_KEPT: Final = 1000
"""Batches; far more than a test looks at, and too few to fill a server that runs for long."""
_MAX_IDS: Final = 200
"""The API's limit for batches asked for by id."""

_WINDOW: Final = re.compile(r"([0-9]{1,4})([hd])")
_HOUR: Final = 3600
_UNITS: Final = {"h": _HOUR, "d": 24 * _HOUR}
_SHORTEST_WINDOW: Final = 24 * _HOUR
_LONGEST_WINDOW: Final = 7 * 24 * _HOUR

_CURSOR: Final = "cursor_"


def _window_of(text: object) -> float | None:
    """Seconds of a completion window, None for what is none."""
    match = _WINDOW.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    seconds = int(match[1]) * _UNITS[match[2]]
    return seconds if _SHORTEST_WINDOW <= seconds <= _LONGEST_WINDOW else None


def _complaints(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong and with which parameter; only the first counts."""
    for name in ("input_file_id", "endpoint", "completion_window"):
        if params.get(name) is None:
            yield f"property '{name}' is missing", name
        elif not isinstance(params[name], str):
            yield f"'{name}' : value must be a string", name
    if params.get("endpoint") not in ENDPOINTS:
        listed = ", ".join(f"`{each}`" for each in ENDPOINTS)
        yield f"'endpoint' : value must be one of {listed}", "endpoint"
    if _window_of(params.get("completion_window")) is None:
        yield "'completion_window' : value must be from `24h` to `7d`", "completion_window"
    metadata = params.get("metadata")
    if metadata is not None and not (
        isinstance(metadata, dict) and all(isinstance(text, str) for text in metadata.values())
    ):
        yield "'metadata' : value must be an object of strings", "metadata"


def _not_found(batch_id: str) -> Reply:
    return Reply.error(404, f"Batch `{batch_id}` not found", code="not_found")


def _cursor_after(run: BatchRun) -> str:
    text = json.dumps({"id": run.order.id}).encode()
    return _CURSOR + base64.urlsafe_b64encode(text).decode().rstrip("=")


def _id_in(cursor: str) -> str | None:
    """The id of the batch that a cursor stands behind, None for what is no cursor."""
    encoded = cursor.removeprefix(_CURSOR)
    try:
        fields = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except ValueError:  # so are errors of base64 and of UTF-8
        return None
    after = fields.get("id") if isinstance(fields, dict) else None
    return after if isinstance(after, str) else None


@final
class Batches:
    """The endpoints and what they keep.

    Args:
        files: Where the input is, and where the results go.
        answer_line: Answers the requests of the batches.
        duration: Seconds that a batch takes; 0 for over at the first look.
        page_size: Batches on one page of the list.
    """

    def __init__(
        self,
        files: Files,
        answer_line: AnswerLine,
        *,
        duration: float = _DURATION,
        page_size: int = _PAGE,
    ) -> None:
        self._files = files
        self._answer_line = answer_line
        self._duration = duration
        self._page_size = page_size
        self._runs: dict[str, BatchRun] = {}
        self._serials = count(1)
        files.before_each(self.advance)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What answers for batches."""
        one = f"{_PATH}/{{id}}"
        return (
            Endpoint("GET", _PATH, self._list),
            Endpoint("POST", _PATH, self._create),
            Endpoint("GET", one, self._retrieve),
            Endpoint("POST", f"{one}/cancel", self._cancel),
        )

    def advance(self, now: float) -> None:
        """Let all batches come as far as they are by now, in the order of their creation."""
        for run in self._runs.values():
            run.advance(now)

    def _create(self, request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        self.advance(request.received_at)
        params = request.params
        for message, name in _complaints(params):
            return Reply.error(400, message, param=name)
        window = _window_of(params["completion_window"])
        file = self._files.get(params["input_file_id"])
        if file is None or window is None:
            message = f"File `{params['input_file_id']}` not found"
            return Reply.error(404, message, code="not_found", param="input_file_id")
        if file.purpose != "batch":
            message = f"'input_file_id' : purpose must be `batch`, not `{file.purpose}`"
            return Reply.error(400, message, param="input_file_id")
        if len(self._runs) >= _MAX_KEPT:
            return Reply.error(400, f"maximum number of batches is {_MAX_KEPT}")
        order = BatchOrder(
            id=identity("batch", len(self._runs) + 1),
            endpoint=params["endpoint"],
            input_file_id=file.id,
            data=file.data,
            completion_window=params["completion_window"],
            window=window,
            metadata=params.get("metadata"),
            created=request.received_at,
            duration=self._duration,
        )
        run = BatchRun(order, self._answer_line, self._keep, lambda: next(self._serials))
        self._runs[order.id] = run
        return Reply.json(run.shown())

    def _keep(self, name: str, data: bytes, now: float) -> str | None:
        if not self._files.has_room_for(len(data)):
            return None
        return self._files.add(name, "batch_output", data, now).id

    def _found(self, request: RecordedRequest, names: Mapping[str, str]) -> BatchRun | Reply:
        self.advance(request.received_at)
        return self._runs.get(names["id"]) or _not_found(names["id"])

    def _retrieve(self, request: RecordedRequest, names: Mapping[str, str]) -> Reply:
        run = self._found(request, names)
        return run if isinstance(run, Reply) else Reply.json(run.shown())

    def _cancel(self, request: RecordedRequest, names: Mapping[str, str]) -> Reply:
        run = self._found(request, names)
        if isinstance(run, Reply):
            return run
        if not run.cancel(request.received_at):
            return Reply.error(400, f"Cannot cancel a batch with status '{run.status}'")
        return Reply.json(run.shown())

    def _list(self, request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        self.advance(request.received_at)
        query = parse_qs(request.query, keep_blank_values=True)
        if "id" in query:
            return self._by_id(query["id"])
        runs = list(reversed(self._runs.values()))
        if "cursor" in query:
            after = _id_in(query["cursor"][-1])
            if after not in self._runs:
                return Reply.error(400, "'cursor' : value is no cursor of this list")
            runs = runs[[run.order.id for run in runs].index(after) + 1 :]
        page = runs[: self._page_size]
        listed: dict[str, Any] = {"object": "list", "data": [run.shown() for run in page]}
        if len(runs) > len(page):
            listed["paging"] = {"next_cursor": _cursor_after(page[-1])}
        return Reply.json(listed)

    def _by_id(self, ids: list[str]) -> Reply:
        if len(ids) > _MAX_IDS:
            return Reply.error(400, f"'id' : maximum number of items is {_MAX_IDS}", param="id")
        found = [self._runs[each].shown() for each in ids if each in self._runs]
        return Reply.json({"object": "list", "data": found})
