"""Fine tunings as the server keeps them: made at once, and with a model that can be used."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final, final

from trio_groq.testing.endpoints import Endpoint
from trio_groq.testing.models import Models
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply

__all__ = ["FineTunings"]

_PATH: Final = "/v1/fine_tunings"

# The epoch of made-up time stamps, to which the seconds of Trio's clock are added.
_EPOCH: Final = 1_760_000_000

# Far more than a test looks at, and too few to fill a server that runs for long.
_MAX_KEPT: Final = 1000

_PARAMETERS: Final = ("base_model", "input_file_id", "name", "type")


def _complaints(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong and with which parameter; only the first counts."""
    for name in ("base_model", "input_file_id"):
        if params.get(name) is None:
            yield f"property '{name}' is missing", name
    for name in _PARAMETERS:
        if not isinstance(params.get(name), str | None):
            yield f"'{name}' : value must be a string", name


def _not_found(identity: str) -> Reply:
    return Reply.error(404, f"The fine tuning `{identity}` does not exist.", code="not_found")


def _shown(record: Mapping[str, object]) -> Reply:
    return Reply.json({"id": record["id"], "object": "object", "data": record})


@final
class FineTunings:
    """The endpoints and what they keep.

    Args:
        models: The models that the server has; each fine tuning adds one.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._kept: dict[str, dict[str, Any]] = {}
        self._made = 0

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What answers for fine tunings."""
        one = f"{_PATH}/{{id}}"
        return (
            Endpoint("GET", _PATH, self._list),
            Endpoint("POST", _PATH, self._create),
            Endpoint("GET", one, self._get),
            Endpoint("DELETE", one, self._delete),
        )

    def _list(self, _request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        return Reply.json({"object": "list", "data": list(self._kept.values())})

    def _create(self, request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        params = request.params
        for message, name in _complaints(params):
            return Reply.error(400, message, param=name)
        base = params["base_model"]
        refusal = self._models.refusal(base, "chat completions", param="base_model")
        if refusal:
            return refusal
        if len(self._kept) >= _MAX_KEPT:
            return Reply.error(400, f"maximum number of fine tunings is {_MAX_KEPT}")
        record = self._new(params, _EPOCH + int(request.received_at))
        self._kept[record["id"]] = record
        self._models.add(record["fine_tuned_model"], record["created_at"])
        return _shown(record)

    def _new(self, params: Mapping[str, Any], created: int) -> dict[str, Any]:
        self._made += 1
        suffix = uuid.uuid5(uuid.NAMESPACE_OID, f"fine tuning {self._made}").hex
        name = params.get("name") or f"fine-tuning-{self._made}"
        return {
            "id": f"ft_{suffix}",
            "name": name,
            "base_model": params["base_model"],
            "type": params.get("type") or "lora",
            "input_file_id": params["input_file_id"],
            "created_at": created,
            "fine_tuned_model": f"{params['base_model']}/{name}-{suffix[:8]}",
        }

    def _get(self, _request: RecordedRequest, names: Mapping[str, str]) -> Reply:
        record = self._kept.get(names["id"])
        return _not_found(names["id"]) if record is None else _shown(record)

    def _delete(self, _request: RecordedRequest, names: Mapping[str, str]) -> Reply:
        record = self._kept.pop(names["id"], None)
        if record is None:
            return _not_found(names["id"])
        self._models.remove(record["fine_tuned_model"])
        return Reply.json({"id": record["id"], "object": "fine_tuning", "deleted": True})
