"""Where the recorded traffic and the conformance cases are, for the tests that read them.

They are no part of the project: `TRIO_GROQ_TEST_DATA` names their folder, or they lie in
`../shared/data` beside the checkout. A test that needs them skips, with the reason, without them.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("TRIO_GROQ_TEST_DATA") or ROOT.parent / "shared" / "data")

needs_shared_data = pytest.mark.skipif(
    not (DATA / "INDEX.md").is_file(),
    reason="recorded traffic is absent: set TRIO_GROQ_TEST_DATA to its folder",
)


def json_lines(name: str) -> list[dict[str, Any]]:
    """The records of one JSON Lines file; none when the data is absent."""
    path = DATA / name
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def unbase64(text: str) -> bytes:
    """Bytes of a base64 field."""
    return base64.b64decode(text)
