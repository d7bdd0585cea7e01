"""Every example runs to its end, as a user would run it, against FakeGroq."""

import os
import sys
from pathlib import Path

import pytest
import trio

from shared_data import ROOT
from trio_groq.testing import FakeGroq

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
async def test_example_runs(path: Path, fake_groq: FakeGroq) -> None:
    environ = os.environ | {"GROQ_API_KEY": "gsk_test", "GROQ_BASE_URL": fake_groq.url}
    with trio.fail_after(60):
        done = await trio.run_process(
            [sys.executable, "-W", "error", str(path)],
            capture_stdout=True,
            capture_stderr=True,
            env=environ,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.strip(), "expected an example to show something"
    assert not done.stderr, done.stderr.decode()
