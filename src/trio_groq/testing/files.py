"""The files endpoints: what was uploaded, and what batches made, in memory.

What the API refuses is refused in its own words where they are known.
"""

import base64
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Final, final

import attrs

from trio_groq.testing.endpoints import Endpoint
from trio_groq.testing.forms import FormError, FormFile, parse_form
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply

__all__ = ["Files", "StoredFile", "identity", "unix_time"]

_PATH: Final = "/openai/v1/files"

MAX_FILE_BYTES: Final = 200 * 1024 * 1024
"""The limit for one file, as the guide has it; the reference still has 100 MB."""
MAX_STORED_BYTES: Final = 512 * 1024 * 1024
"""Of all files together: two of the largest, and too few to fill a machine."""
MAX_FILES: Final = 10_000

_PURPOSES: Final = ("batch",)
_SUFFIX: Final = ".jsonl"

# The epoch of made-up time stamps, to which the seconds of Trio's clock are added.
_EPOCH: Final = 1_760_000_000


def unix_time(now: float) -> int:
    """A moment on Trio's clock as a time stamp."""
    return _EPOCH + int(now)


def identity(kind: str, serial: int) -> str:
    """`file_` or the like and 26 characters: different for each, the same in every run."""
    name = uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {serial}")
    return f"{kind}_{base64.b32encode(name.bytes).decode()[:26].lower()}"


@attrs.frozen
class StoredFile:
    """A file of the server's.

    Attributes:
        id: Its id.
        name: What it is called.
        purpose: `batch` or `batch_output`.
        created_at: Time stamp.
        data: The content.
    """

    id: str
    name: str
    purpose: str
    created_at: int
    data: bytes = attrs.field(repr=lambda data: f"<{len(data)} bytes>")

    def shown(self) -> dict[str, object]:
        """The API's object."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.data),
            "created_at": self.created_at,
            "filename": self.name,
            "purpose": self.purpose,
        }


def _not_found(file_id: str) -> Reply:
    return Reply.error(404, f"File `{file_id}` not found", code="not_found")


def _faults(file: FormFile, purpose: str) -> Iterator[Reply]:
    """What is wrong with an upload; only the first counts."""
    if purpose not in _PURPOSES:
        listed = ", ".join(f"`{each}`" for each in _PURPOSES)
        yield Reply.error(400, f"'purpose' : value must be one of {listed}", param="purpose")
    if not file.name.lower().endswith(_SUFFIX):
        yield Reply.error(400, f"'file' : name must end with {_SUFFIX}", param="file")
    if len(file.data) > MAX_FILE_BYTES:
        yield Reply.error(413, "Request Entity Too Large", code="request_too_large")


@final
class Files:
    """The endpoints and what they keep.

    Args:
        max_stored_bytes: Most bytes of all files together.
    """

    def __init__(self, *, max_stored_bytes: int = MAX_STORED_BYTES) -> None:
        self._max_stored_bytes = max_stored_bytes
        self._kept: dict[str, StoredFile] = {}
        self._made = 0
        self._before: list[Callable[[float], None]] = []

    def before_each(self, catch_up: Callable[[float], None]) -> None:
        """Have `catch_up` called before each answer, with the moment on Trio's clock.

        So files that others make while time passes are there when they are looked for.
        """
        self._before.append(catch_up)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What answers for files."""
        one = f"{_PATH}/{{id}}"
        return (
            Endpoint("GET", _PATH, self._list),
            Endpoint("POST", _PATH, self._create),
            Endpoint("GET", one, self._info),
            Endpoint("DELETE", one, self._delete),
            Endpoint("GET", f"{one}/content", self._content),
        )

    def get(self, file_id: str) -> StoredFile | None:
        """A file, None if there is none of that id."""
        return self._kept.get(file_id)

    def has_room_for(self, size: int) -> bool:
        """Whether another file of that many bytes may be kept."""
        stored = sum(len(file.data) for file in self._kept.values())
        return stored + size <= self._max_stored_bytes and len(self._kept) < MAX_FILES

    def add(self, name: str, purpose: str, data: bytes, now: float) -> StoredFile:
        """Keep a file, whether or not there is room.

        Args:
            name: What it is called.
            purpose: `batch` or `batch_output`.
            data: The content.
            now: The moment on Trio's clock.
        """
        self._made += 1
        file = StoredFile(identity("file", self._made), name, purpose, unix_time(now), data)
        self._kept[file.id] = file
        return file

    def _catch_up(self, request: RecordedRequest) -> None:
        for catch_up in self._before:
            catch_up(request.received_at)

    def _list(self, request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        self._catch_up(request)
        newest_first = reversed(self._kept.values())
        return Reply.json({"object": "list", "data": [file.shown() for file in newest_first]})

    def _create(self, request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        try:
            form = parse_form(request)
        except FormError as error:
            return Reply.error(400, str(error))
        file, purpose = form.files.get("file"), form.value("purpose")
        if file is None:
            return Reply.error(400, "property 'file' is missing", param="file")
        if purpose is None:
            return Reply.error(400, "property 'purpose' is missing", param="purpose")
        for fault in _faults(file, purpose):
            return fault
        if not self.has_room_for(len(file.data)):
            return Reply.error(400, "storage limit reached: delete files", code="storage_limit")
        return Reply.json(self.add(file.name, purpose, file.data, request.received_at).shown())

    def _found(self, request: RecordedRequest, names: Mapping[str, str]) -> StoredFile | Reply:
        self._catch_up(request)
        return self._kept.get(names["id"]) or _not_found(names["id"])

    def _info(self, request: RecordedRequest, names: Mapping[str, str]) -> Reply:
        file = self._found(request, names)
        return file if isinstance(file, Reply) else Reply.json(file.shown())

    def _content(self, request: RecordedRequest, names: Mapping[str, str]) -> Reply:
        file = self._found(request, names)
        if isinstance(file, Reply):
            return file
        return Reply(body=file.data, content_type="application/octet-stream")

    def _delete(self, request: RecordedRequest, names: Mapping[str, str]) -> Reply:
        file = self._found(request, names)
        if isinstance(file, Reply):
            return file
        del self._kept[file.id]
        return Reply.json({"id": file.id, "object": "file", "deleted": True})
