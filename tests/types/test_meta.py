"""How a response came."""

import pytest

from trio_groq.types import ResponseMeta, Timings


def test_headers_are_not_shown() -> None:
    meta = ResponseMeta(request_id="req_1", status=200, headers={"set-cookie": "secret"})
    assert "secret" not in repr(meta)
    assert meta.timings == Timings()
    assert meta.attempts == 1


def test_it_is_frozen() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        setattr(Timings(), "total", 1.0)  # noqa: B010 (a type checker knows better)
