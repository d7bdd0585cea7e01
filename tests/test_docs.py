"""Code in README and docs is right: it compiles, its imports exist, and it runs on FakeGroq.

A block that awaits outside of a function is shown without its frame: it is run with a `client`.
"""

import ast
import importlib
import inspect
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import CodeType
from typing import Any

import attrs
import click
import msgspec
import pytest
import trio

from shared_data import ROOT
from trio_groq import GroqClient
from trio_groq.cli._commands import COMMANDS, root
from trio_groq.testing import FakeGroq, RecordedRequest, Reply, ToolCall

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.rst")))
MARKDOWN_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
RST_BLOCK = re.compile(r"^(?P<lead>[ *-]*)\.\. code-block:: (?P<language>\w+)\n\n", re.MULTILINE)
"""The head of a block, which may lie in a cell of a table."""


@attrs.frozen
class Block:
    """One block of code in a page.

    Attributes:
        page: Path below the project's root.
        line: First line of the code in the page, from 1.
        language: As the page says it.
        code: The text, without indentation.
    """

    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """The blocks of a page, in their order."""
    pattern = MARKDOWN_BLOCK if page.endswith(".md") else RST_BLOCK
    for found in pattern.finditer(text):
        if page.endswith(".md"):
            start, code = found.start("code"), found["code"]
        else:
            start = found.end()
            code = "".join(indented(text[start:], len(found["lead"])))
        yield Block(page, text.count("\n", 0, start) + 1, found["language"], dedent(code))


def indented(text: str, column: int) -> Iterator[str]:
    """The first lines of a text, up to one that begins at a column or before it."""
    for line in text.splitlines(keepends=True):
        if line.strip() and line[: column + 1].strip():
            return
        yield line


BLOCKS = [
    block
    for page in PAGES
    for block in blocks_of(str(page.relative_to(ROOT)), page.read_text(encoding="utf-8"))
]
PYTHON = [block for block in BLOCKS if block.language == "python"]


def test_the_pages_were_read() -> None:
    assert {block.page for block in PYTHON} >= {"README.md", "docs/quickstart.rst"}
    marks = sum(
        len(re.findall(r"^[ *-]*(?:```|\.\. code-block:: )python$", page.read_text(), re.MULTILINE))
        for page in PAGES
    )
    assert len(PYTHON) == marks


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("a.md", "Text\n\n```python\nif x:\n    y()\n```\n\n```sh\nls\n```\n"),
        ("a.rst", "Text\n\n.. code-block:: python\n\n   if x:\n       y()\n\nText\n"),
        (
            "a.rst",
            "   * - .. code-block:: python\n\n          if x:\n              y()\n     - b\n",
        ),
    ],
)
def test_blocks_are_found(page: str, text: str) -> None:
    block = next(blocks_of(page, text))
    assert (block.language, block.code.strip()) == ("python", "if x:\n    y()")
    assert text.splitlines()[block.line - 1].strip() == "if x:"


def missing_names(code: str) -> list[str]:
    """Names that a block takes from the package and that it does not have."""
    missing = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "trio_groq":
            module = importlib.import_module(node.module or "")
            missing += [each.name for each in node.names if not hasattr(module, each.name)]
    return missing


def test_a_name_that_does_not_exist_is_missed() -> None:
    assert missing_names("from trio_groq.errors import APIError, SomeError") == ["SomeError"]


def compiled(block: Block) -> CodeType:
    """A block's code, which may await anywhere."""
    code: CodeType = compile(block.code, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_compiles_and_its_imports_exist(block: Block) -> None:
    compiled(block)
    assert missing_names(block.code) == []


# --- a server that answers as a model would ------------------------------------------------------

SAMPLES = {"string": "Paris", "integer": 3, "number": 0.5, "boolean": True, "null": None}


def sample(schema: dict[str, Any]) -> Any:
    """A value that fits a JSON Schema of the simple kind."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: sample(each) for name, each in schema["properties"].items()}
    if schema["type"] == "array":
        return [sample(schema["items"])]
    return SAMPLES[schema["type"]]


def answer(request: RecordedRequest) -> Reply | None:
    """JSON where a schema is given, a call of each tool before an answer, else the echo."""
    wanted = request.params.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        value = sample(wanted["json_schema"]["schema"])
        return Reply(content=msgspec.json.encode(value).decode())
    if request.params.get("tools") and request.params["messages"][-1]["role"] == "user":
        functions = [tool["function"] for tool in request.params["tools"]]
        calls = [ToolCall(each["name"], sample(each["parameters"])) for each in functions]
        return Reply(tool_calls=calls)
    return None


def test_a_sample_fits_its_schema() -> None:
    fields = {"a": {"type": "array", "items": {"type": "integer"}}, "b": {"enum": ["x", "y"]}}
    assert sample({"type": "object", "properties": fields}) == {"a": [3], "b": "x"}


async def run_block(block: Block, server: FakeGroq) -> dict[str, Any]:
    """Run a block; return the names that it leaves behind."""
    names: dict[str, Any] = {"__name__": "__main__"}
    code = compiled(block)
    if "from groq import" in block.code:
        pytest.importorskip("groq", reason="the official SDK is no part of the tests' extra")
    if code.co_flags & inspect.CO_COROUTINE:
        async with GroqClient() as client:
            names["client"] = client
            await eval(code, names)  # noqa: S307 (our own pages)
    else:
        # A block starts a Trio run of its own, which needs a thread of its own.
        await trio.to_thread.run_sync(exec, code, names)
    assert not server.replies_left
    return names


@pytest.mark.parametrize("block", PYTHON, ids=str)
async def test_python_runs(block: Block, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    async with FakeGroq(default_reply=answer, batch_seconds=0.0) as server:
        monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
        monkeypatch.setenv("GROQ_BASE_URL", server.url)
        await run_block(block, server)


async def test_a_block_may_await_and_has_a_client(
    monkeypatch: pytest.MonkeyPatch, fake_groq: FakeGroq
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
    monkeypatch.setenv("GROQ_BASE_URL", fake_groq.url)
    block = Block("a.rst", 1, "python", "models = await client.models.list()")
    names = await run_block(block, fake_groq)
    assert names["models"].data


async def test_a_block_that_fails_is_told(fake_groq: FakeGroq) -> None:
    with pytest.raises(ZeroDivisionError):
        await run_block(Block("a.rst", 1, "python", "1 / 0"), fake_groq)


def test_links_between_pages_lead_somewhere() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = [each for each in re.findall(r"\]\(([^)]+)\)", readme) if "://" not in each]
    assert targets
    assert [each for each in targets if not (ROOT / each).is_file()] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.rst").read_text(encoding="utf-8").split()
    pages = {page.stem for page in PAGES if page.suffix == ".rst"} - {"index"}
    assert pages <= set(index)


def test_the_first_shell_blocks_of_the_readme_are_one_line_each() -> None:
    shell = [each for each in BLOCKS if each.page == "README.md" and each.language == "sh"]
    demo, check = (each.code.splitlines() for each in shell)
    assert len(demo) == len(check) == 1
    assert demo[0].endswith("trio-groq demo")
    assert check[0].endswith(".ci/check.py")


def test_ci_runs_what_the_readme_says() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "README.md" in script.read_text(encoding="utf-8")
    assert Path(ROOT / ".ci" / "check.py").is_file()


# --- the command line ----------------------------------------------------------------------------


def tree(command: click.Command) -> Iterator[click.Command]:
    """A command and all below it."""
    yield command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            assert below is not None
            yield from tree(below)


def options_of(command: click.Command) -> set[str]:
    """Every option of a command and of those below it."""
    parameters = [each for below in tree(command) for each in below.params]
    return {"--help"}.union(*((*each.opts, *each.secondary_opts) for each in parameters))


def called(line: str) -> Iterator[list[str]]:
    """The arguments of each `trio-groq` in a line of shell."""
    for _, _, arguments in (part.partition("trio-groq ") for part in re.split(r"&&|\|", line)):
        if arguments:
            yield shlex.split(arguments.rstrip().rstrip(")"), comments=True)


CALLED = [
    pytest.param(words, id=f"{block.page}: {shlex.join(words)}")
    for block in BLOCKS
    if block.language == "console"
    for line in block.code.splitlines()
    for words in called(line)
]


def test_calls_are_found() -> None:
    line = '$ id=$(trio-groq batch submit a.jsonl) && trio-groq batch wait "$id"  # later'
    assert [*called(line)] == [["batch", "submit", "a.jsonl"], ["batch", "wait", "$id"]]
    assert CALLED


@pytest.mark.parametrize("words", CALLED)
def test_a_call_in_the_pages_names_what_there_is(words: list[str]) -> None:
    command: click.Command = root
    rest = list(words)
    while rest and isinstance(command, click.Group):
        below = command.get_command(click.Context(command), rest[0])
        assert below is not None, f"expected a command, got {rest[0]}"
        command = below
        rest.pop(0)
    given = {word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"}
    assert given <= options_of(command)


def test_the_page_of_the_command_line_is_whole() -> None:
    page = (ROOT / "docs" / "cli.rst").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"``trio-groq {name}" not in page] == []
    described = set(re.findall(r"(?m)^``trio-groq (\w+)", page))
    commands = {
        name: importlib.import_module(f"trio_groq.cli.{name}").command for name in described
    }
    known = {option for command in commands.values() for option in options_of(command)}
    assert set(re.findall(r"``(--[a-z][a-z-]*)", page)) <= known
