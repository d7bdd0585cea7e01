"""Code in README and docs is right: it compiles, its imports exist, and it runs on FakeGroq."""

import ast
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import attrs
import pytest
import trio

from shared_data import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.rst")))
MARKDOWN_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
RST_BLOCK = re.compile(
    r"^\.\. code-block:: (?P<language>\w+)\n\n(?P<code>(?:(?: {3}.*)?\n)+)", re.MULTILINE
)


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
        line = text.count("\n", 0, found.start("code")) + 1
        yield Block(page, line, found["language"], dedent(found["code"]))


BLOCKS = [
    block
    for page in PAGES
    for block in blocks_of(str(page.relative_to(ROOT)), page.read_text(encoding="utf-8"))
]
PYTHON = [block for block in BLOCKS if block.language == "python"]


def test_the_pages_were_read() -> None:
    assert {block.page for block in PYTHON} >= {"README.md", "docs/quickstart.rst"}
    marks = sum(
        len(re.findall(r"^(?:```|\.\. code-block:: )python$", page.read_text(), re.MULTILINE))
        for page in PAGES
    )
    assert len(PYTHON) == marks


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("a.md", "Text\n\n```python\nif x:\n    y()\n```\n\n```sh\nls\n```\n"),
        ("a.rst", "Text\n\n.. code-block:: python\n\n   if x:\n       y()\n\nText\n"),
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


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_compiles_and_its_imports_exist(block: Block) -> None:
    compile(block.code, str(block), "exec")
    assert missing_names(block.code) == []


@pytest.mark.parametrize("block", PYTHON, ids=str)
async def test_python_runs(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    from trio_groq.testing import FakeGroq  # noqa: PLC0415 (the other tests need no server)

    def run() -> None:
        exec(compile(block.code, str(block), "exec"), {"__name__": "__main__"})  # noqa: S102 (our own pages)

    async with FakeGroq() as server:
        monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
        monkeypatch.setenv("GROQ_BASE_URL", server.url)
        # A block starts a Trio run of its own, which needs a thread of its own.
        await trio.to_thread.run_sync(run)


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
