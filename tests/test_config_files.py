"""`ClientConfig.from_file`: which files are read, in which formats, and which section of them."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from trio_groq import ClientConfig, PoolLimits, Secret, Timeouts
from trio_groq._config.files import MAX_FILE_BYTES
from trio_groq.config import RateLimitPolicy
from trio_groq.errors import ConfigurationError

KEY = "gsk_0123456789abcdefWXYZ"
SECRET = "hunter2hunter2"


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, environ: dict[str, str] | None = None, **arguments: Any) -> ClientConfig:
    return ClientConfig.from_file(path, environ=environ or {}, **arguments)


SETTINGS = {
    "a.toml": """
        base_url = "https://a.test"
        models = ["x", "y"]
        [timeouts]
        tls = 2.5
        first_byte = 3
        read = 5
        write = "none"
        [limits]
        max_connections = 7
        [default_query]
        tag = 1
        """,
    "a.json": """{
        "base_url": "https://a.test", "models": ["x", "y"],
        "timeouts": {"tls": 2.5, "first_byte": 3, "read": 5, "write": null},
        "limits": {"max_connections": 7}, "default_query": {"tag": 1}
        }""",
    "a.yaml": """\
        base_url: https://a.test
        models: [x, "y"]
        timeouts: {tls: 2.5, first_byte: 3, read: 5, write: null}
        limits:
            max_connections: 7
        default_query: {tag: 1}
        """,
}


@pytest.mark.parametrize(("name", "content"), SETTINGS.items(), ids=SETTINGS)
def test_each_format_says_the_same(tmp_path: Path, name: str, content: str) -> None:
    assert read(written(tmp_path, name, content)) == ClientConfig(
        base_url="https://a.test",
        models=("x", "y"),
        timeouts=Timeouts(tls=2.5, first_byte=3, read=5, write=None),
        limits=PoolLimits(max_connections=7),
        default_query={"tag": 1},
    )


@pytest.mark.parametrize("name", ["a.TOML", "a.yml", "a.Yaml", "b.toml", "a.JSON"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "mark"])
def test_suffixes_in_any_case_and_a_mark_in_front(tmp_path: Path, name: str, mark: bytes) -> None:
    content = {"j": b'{"base_url": "https://a.test"}', "y": b"base_url: https://a.test"}
    text = content.get(Path(name).suffix[1].lower(), b'base_url = "https://a.test"')
    assert read(written(tmp_path, name, mark + text)).base_url == "https://a.test"


@pytest.mark.parametrize("name", ["a.toml", "a.yaml"])
def test_an_empty_file_states_nothing(tmp_path: Path, name: str) -> None:
    assert read(written(tmp_path, name, "# nothing\n")) == ClientConfig()


def test_a_path_may_be_text(tmp_path: Path) -> None:
    path = written(tmp_path, "a.toml", "max_event_bytes = 5")
    assert ClientConfig.from_file(str(path), environ={}).max_event_bytes == 5


def test_the_process_s_environment_is_the_default_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    path = written(tmp_path, "a.toml", 'api_key = "gsk_of_the_file"')
    assert ClientConfig.from_file(path).api_key == Secret(KEY)


SHARED = """\
version: 2
llm:
  defaults: {temperature: 0.5}
  providers:
    openai:
      api_key: ${OPENAI_API_KEY}
    groq:
      api_key: ${GROQ_API_KEY}
      base_url: https://api.groq.com/openai/v1
      models:
        - llama-3.3-70b-versatile
        - ${GROQ_MODEL:-llama-3.1-8b-instant}
      rate_limit_rpm: 30
      track_latency: true
      latency_samples: 250
"""


def test_a_file_that_many_tools_share(tmp_path: Path) -> None:
    path = written(tmp_path, "tools.yaml", SHARED)
    config = read(path, {"GROQ_API_KEY": KEY})
    assert config == ClientConfig(
        api_key=KEY,
        base_url="https://api.groq.com/openai/v1",
        models=("llama-3.3-70b-versatile", "llama-3.1-8b-instant"),
        rate_limit=RateLimitPolicy(requests_per_minute=30),
        track_latency=True,
        latency_samples=250,
    )
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    assert str(caught.value) == (
        f"{path}: llm.providers.groq.api_key: expected the variable GROQ_API_KEY to be set, "
        "got none"
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", "[project]\nname = 'x'\n[tool.trio_groq]\nmax_event_bytes = 5"),
        ("a.toml", "[other]\nx = 1\n[trio_groq]\nmax_event_bytes = 5"),
        ("a.json", '{"llm": {"providers": {"groq": {"max_event_bytes": 5}}}, "x": 1}'),
    ],
)
def test_sections(tmp_path: Path, name: str, content: str) -> None:
    assert read(written(tmp_path, name, content)).max_event_bytes == 5


def test_a_section_without_entries(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.yaml", "trio_groq:\nother: 1")) == ClientConfig()


FAULTY: dict[str, tuple[str, str | bytes, str]] = {
    "suffix": ("a.ini", "", r"expected a suffix of .toml, .json, .yaml, .yml, got '.ini'"),
    "no suffix": ("groqrc", "", r"expected a suffix of .*, got ''"),
    "too large": (
        "a.toml",
        b"#" * (MAX_FILE_BYTES + 1),
        "expected at most 1048576 bytes, got more",
    ),
    "encoding": ("a.toml", b"x = '\xff'", "expected UTF-8, got other bytes at position 5"),
    "large and no text": ("a.toml", b"\xff" * (MAX_FILE_BYTES + 1), "expected at most"),
    "toml": ("a.toml", f"api_key = {SECRET}", "expected TOML, got: Invalid value"),
    "toml number": ("a.toml", f"x = {'9' * 5000}", "expected TOML, got: Exceeds the limit"),
    "toml depth": ("a.toml", f"x = {'[' * 100_000}", "expected TOML, got: tables nested too deep"),
    "json": ("a.json", f'{{"api_key": "{SECRET}"', "expected JSON, got: "),
    "json, empty": ("a.json", "", "expected JSON, got: "),
    "json depth": ("a.json", "[" * 100_000, "expected JSON, got: tables nested too deep"),
    "yaml": ("a.yaml", f"a: b\napi_key: {SECRET}: x", r"expected YAML, got: .* \(line 2\)"),
    "yaml characters": ("a.yaml", f"api_key: {SECRET}\0", "expected YAML, got: a character"),
    "yaml tags": ("a.yaml", "a: !!python/name:os.system", "expected YAML, got: .*constructor"),
    "yaml depth": ("a.yaml", "[" * 100_000, "expected YAML, got: tables nested too deep"),
    "yaml, more documents": ("a.yaml", "a: 1\n---\nb: 2", "expected YAML, got: "),
    "list": ("a.json", "[1]", "expected a table at the top, got list"),
    "nothing": ("a.json", "null", "expected a table at the top, got nothing"),
    "two sections": (
        "a.toml",
        "[trio_groq]\n[tool.trio_groq]",
        "expected one section of settings, got trio_groq and tool.trio_groq",
    ),
    "section of another kind": ("a.toml", "trio_groq = 5", "trio_groq: expected a table, got int"),
    "no settings": (
        "pyproject.toml",
        "[project]\n[build-system]\n[tool.ruff]",
        r"expected a section \(trio_groq, .*\), or .* got build-system, project, tool",
    ),
}


@pytest.mark.parametrize(("name", "content", "message"), FAULTY.values(), ids=FAULTY)
def test_a_file_that_cannot_be_used(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(ConfigurationError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    # A parser's own error quotes the file.
    assert caught.value.__context__ is None
    assert SECRET not in f"{caught.value!r}{vars(caught.value)}"


def test_a_file_of_the_largest_size(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.toml", b"#" * MAX_FILE_BYTES)) == ClientConfig()


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    missing = tmp_path / "a.toml"
    with pytest.raises(ConfigurationError, match="can be read, got: No such file"):
        read(missing)
    missing.mkdir()
    with pytest.raises(ConfigurationError, match="can be read, got: "):
        read(missing)


def test_a_slip_in_the_only_name_is_told_as_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"timeot: .* \(did you mean timeout\?\)"):
        read(written(tmp_path, "a.toml", "timeot = 5"))


def test_yaml_without_its_package_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigurationError, match=r"got none; run: pip install pyyaml$"):
        read(written(tmp_path, "a.yaml", ""))
    assert read(written(tmp_path, "a.toml", "")) == ClientConfig()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            "a: &a [x, x]\nb: &b [*a, *a]\nmodels: [*b, *b]",
            id="lists",
        ),
        pytest.param("timeouts: &t {read: *t, connect: *t}", id="in-itself"),
        pytest.param("default_query: &q {x: *q}", id="query-in-itself"),
        pytest.param("models: &m [*m]", id="list-in-itself"),
    ],
)
def test_what_yaml_repeats_is_not_followed(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(written(tmp_path, "a.yaml", content))
    assert len(str(caught.value)) < 2000


def test_a_file_may_be_any_path_like(tmp_path: Path) -> None:
    class Named(os.PathLike[str]):
        def __fspath__(self) -> str:
            return str(tmp_path / "a.toml")

    written(tmp_path, "a.toml", "max_event_bytes = 5")
    assert ClientConfig.from_file(Named(), environ={}).max_event_bytes == 5
