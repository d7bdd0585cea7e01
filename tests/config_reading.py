"""Reads settings out of files that a test writes."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from trio_groq import ClientConfig
from trio_groq.errors import ConfigurationError


def read(
    path: Path, data: object, environ: dict[str, str] | None = None, **arguments: Any
) -> ClientConfig:
    """Write a file as JSON and read it."""
    path.write_text(json.dumps(data), encoding="utf-8")
    return ClientConfig.from_file(path, environ=environ or {}, **arguments)


def faults_of(path: Path, *sources: Any, **arguments: Any) -> list[str]:
    """The faults, each a line, without the file's name."""
    with pytest.raises(ConfigurationError) as caught:
        read(path, *sources, **arguments)
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 (made right here)
    return [line.removeprefix(f"{path}: ") for line in str(error).splitlines()]
