"""The exception tree: who is below whom, what may be retried, text, and pickling."""

import copy
import inspect
import pickle
from typing import Any

import pytest

from trio_groq import errors
from trio_groq._http.messages import Headers
from trio_groq.errors import RateLimits, RateLimitWindow, RequestInfo

# As drawn in the public contract: each class and the one that it stands under.
PARENTS = {
    "ConfigurationError": "GroqError",
    "InvalidRequestError": "GroqError",
    "CircuitOpenError": "GroqError",
    "MaxStepsError": "GroqError",
    "APIError": "GroqError",
    "APIConnectionError": "APIError",
    "APITimeoutError": "APIConnectionError",
    "PoolTimeoutError": "APITimeoutError",
    "ProtocolError": "APIConnectionError",
    "APIResponseValidationError": "APIError",
    "CutOffError": "APIError",
    "RefusalError": "APIError",
    "StreamError": "APIError",
    "APIStatusError": "APIError",
    "BadRequestError": "APIStatusError",
    "ContextLengthExceededError": "BadRequestError",
    "ContentFilterError": "BadRequestError",
    "ToolUseFailedError": "BadRequestError",
    "AuthenticationError": "APIStatusError",
    "PermissionDeniedError": "APIStatusError",
    "NotFoundError": "APIStatusError",
    "ModelNotFoundError": "NotFoundError",
    "ConflictError": "APIStatusError",
    "RequestTooLargeError": "APIStatusError",
    "UnprocessableEntityError": "APIStatusError",
    "FailedDependencyError": "APIStatusError",
    "RateLimitError": "APIStatusError",
    "CapacityExceededError": "APIStatusError",
    "InternalServerError": "APIStatusError",
    "OverloadedError": "InternalServerError",
}
RETRYABLE = {
    "CircuitOpenError",
    "APIConnectionError",
    "APITimeoutError",
    "ProtocolError",
    "StreamError",
    "ConflictError",
    "RateLimitError",
    "CapacityExceededError",
    "InternalServerError",
    "OverloadedError",
}
CLASSES = {
    name: cls
    for name, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, errors.GroqError)
}
REQUEST = RequestInfo(method="POST", url="https://api.groq.com/openai/v1/chat/completions")
LIMITS = RateLimits(tokens=RateLimitWindow(limit=6000, remaining=0, reset_after=1.5))

API_FIELDS: dict[str, Any] = {"request": REQUEST, "partial": ["Hel"]}
BODY_FIELDS: dict[str, Any] = API_FIELDS | {"request_id": "req_1", "body": {"error": {"code": 1}}}
STATUS_FIELDS: dict[str, Any] = BODY_FIELDS | {
    "status_code": 418,
    "code": "teapot",
    "type": "tokens",
    "param": "messages",
    "retry_after": 2.5,
    "rate_limits": LIMITS,
    "failed_generation": "",
    "headers": Headers([(b"x-request-id", b"req_1")]),
}


def fields_for(cls: type[errors.GroqError]) -> dict[str, Any]:
    table: tuple[tuple[type[errors.GroqError], dict[str, Any]], ...] = (
        (errors.APIStatusError, STATUS_FIELDS),
        (errors.APITimeoutError, API_FIELDS | {"phase": "read", "limit": 60.0}),
        (errors.CutOffError, BODY_FIELDS | {"text": '{"a":', "finish_reason": "length"}),
        (errors.RefusalError, BODY_FIELDS | {"text": "I cannot."}),
        (errors.APIError, BODY_FIELDS),
        (errors.CircuitOpenError, {"retry_at": 12.5}),
        (errors.MaxStepsError, {"max_steps": 10, "run": ["Hel"]}),
        (errors.InvalidRequestError, {"path": "messages[0].role", "value": "robot"}),
    )
    return next((fields for base, fields in table if issubclass(cls, base)), {})


def make(cls: type[errors.GroqError]) -> errors.GroqError:
    return cls("what happened", **fields_for(cls))


every_class = pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES.keys())


def test_the_tree_is_as_in_the_contract() -> None:
    found = {name: cls.__bases__[0].__name__ for name, cls in CLASSES.items()}
    assert found == PARENTS | {"GroqError": "Exception"}
    assert all(len(cls.__bases__) == 1 for cls in CLASSES.values())


def test_every_class_is_exported_and_the_list_is_sorted() -> None:
    assert set(CLASSES) <= set(errors.__all__)
    assert errors.__all__ == sorted(errors.__all__)


@every_class
def test_what_may_be_retried(cls: type[errors.GroqError]) -> None:
    assert make(cls).is_retryable == (cls.__name__ in RETRYABLE)


@every_class
def test_every_attribute_is_kept(cls: type[errors.GroqError]) -> None:
    error = make(cls)
    for name, value in fields_for(cls).items():
        assert getattr(error, name) == value


@every_class
@pytest.mark.parametrize("protocol", [2, pickle.DEFAULT_PROTOCOL, pickle.HIGHEST_PROTOCOL])
def test_pickling_keeps_everything(cls: type[errors.GroqError], protocol: int) -> None:
    error = make(cls)
    error.add_note("try something else")
    if isinstance(error, errors.APIError):
        error.attempts = 3
    error.is_retryable = not error.is_retryable
    restored = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 (made one line above)
    assert type(restored) is cls
    assert restored.args == error.args
    assert restored.__dict__ == error.__dict__
    assert restored.__notes__ == ["try something else"]
    assert str(restored) == str(error)


@every_class
def test_copying_keeps_everything(cls: type[errors.GroqError]) -> None:
    error = make(cls)
    assert copy.copy(error).__dict__ == error.__dict__


@every_class
def test_text_is_the_message_and_the_request_id(cls: type[errors.GroqError]) -> None:
    error = make(cls)
    has_id = "request_id" in fields_for(cls)
    assert str(error) == ("what happened (request id req_1)" if has_id else "what happened")
    assert repr(error) == f"{cls.__name__}('what happened')"


def test_without_a_request_id_the_text_is_the_message() -> None:
    assert str(errors.APIError("broken")) == "broken"


def test_what_is_not_known_yet_is_none() -> None:
    error = errors.APIStatusError("no", status_code=400)
    assert error.message == "no"
    assert error.attempts == 0
    assert error.headers == {}
    unknown = set(STATUS_FIELDS) - {"status_code", "headers"}
    assert {getattr(error, name) for name in unknown} == {None}


def test_an_invalid_request_may_be_no_single_parameters_fault() -> None:
    error = errors.InvalidRequestError("too much")
    assert (error.path, error.value) == ("", None)


@pytest.mark.parametrize("kind", ["tokens", "requests", "seconds", None])
def test_the_kind_of_a_rate_limit_is_its_type(kind: str | None) -> None:
    assert errors.RateLimitError("slow down", status_code=429, type=kind).limit == kind


@pytest.mark.parametrize("record", [REQUEST, LIMITS, LIMITS.tokens])
def test_records_are_frozen_and_comparable(record: Any) -> None:
    assert copy.copy(record) == record
    field = record.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(record, field, None)


def test_what_cannot_be_decoded_names_its_completion() -> None:
    cut_off = errors.CutOffError("cut off", finish_reason="length", partial=["Hel"])
    refusal = errors.RefusalError("refused", text="No.", partial=["No."])
    assert (cut_off.completion, refusal.completion) == (["Hel"], ["No."])
    assert cut_off.text is None
