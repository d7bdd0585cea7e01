import json
import subprocess
import sys
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from trio_groq.cli import _commands, main
from trio_groq.cli._commands import COMMANDS, Entry, root, run


def test_help_lists_the_commands_without_importing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_commands, "import_module", None)
    result = CliRunner().invoke(root, ["--help"])
    assert result.exit_code == 0
    for name, entry in COMMANDS.items():
        assert f"  {name}" in result.output
        assert entry.summary in result.output
    assert "130 interrupted" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(root, [name, "--help"])
    assert result.exit_code == 0
    assert f"{name} [OPTIONS]" in result.output


def test_a_shell_completes_the_names() -> None:
    completed = root.shell_complete(click.Context(root), "")
    assert [item.value for item in completed] == list(COMMANDS)


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sing"]) == 2
    assert "No such command 'sing'" in capsys.readouterr().err


def test_help_and_version_are_no_failures(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("trio-groq ")


def add(monkeypatch: pytest.MonkeyPatch, outcome: BaseException | None) -> None:
    """Put a command `act` on the table that ends like this."""

    @click.command
    def act() -> None:
        if outcome is not None:
            raise outcome

    module = ModuleType("made_up")
    module.__dict__["command"] = act
    monkeypatch.setitem(sys.modules, "made_up", module)
    monkeypatch.setitem(COMMANDS, "act", Entry("made_up", "Acts."))


CODES: dict[str, tuple[BaseException | None, int]] = {
    "done": (None, 0),
    "failed": (click.ClickException("broken"), 1),
    "interrupted where nothing cancels": (KeyboardInterrupt(), 130),
    "interrupted": (click.exceptions.Exit(130), 130),
}


@pytest.mark.parametrize(("outcome", "code"), CODES.values(), ids=CODES)
def test_exit_codes(
    monkeypatch: pytest.MonkeyPatch, outcome: BaseException | None, code: int
) -> None:
    add(monkeypatch, outcome)
    assert run(["act"]) == code


@pytest.mark.parametrize(("outcome", "code"), CODES.values(), ids=CODES)
def test_main_exits_with_them(
    monkeypatch: pytest.MonkeyPatch, outcome: BaseException | None, code: int
) -> None:
    add(monkeypatch, outcome)
    monkeypatch.setattr(sys, "argv", ["trio-groq", "act"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["click", "rich"])
def test_without_the_extra_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    def missing() -> int:
        raise ModuleNotFoundError(f"No module named '{name}.core'", name=f"{name}.core")

    monkeypatch.setattr(_commands, "run", missing)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert capsys.readouterr().err == (
        f"error: trio-groq: expected {name} to be installed, got none; "
        "`pip install 'trio-groq[cli]'` brings it\n"
    )


def test_without_click_nothing_else_is_tried() -> None:
    script = "import sys; sys.modules['click'] = None\nfrom trio_groq.cli import main; main()"
    done = subprocess.run(  # noqa: S603 (the script is ours)
        [sys.executable, "-c", script, "--help"], capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: trio-groq: expected click")
    assert len(done.stderr.splitlines()) == 1


def test_another_missing_module_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> int:
        raise ModuleNotFoundError("No module named 'other'", name="other")

    monkeypatch.setattr(_commands, "run", missing)
    with pytest.raises(ModuleNotFoundError):
        main()


def test_ctrl_c_while_importing(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(_commands, "run", interrupted)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130


def modules_after(script: str, *args: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after a script, even one that exits."""
    listing = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(list(sys.modules)), file=sys.stderr))\n"
    )
    done = subprocess.run(  # noqa: S603 (the script is ours)
        [sys.executable, "-c", listing + script, *args], capture_output=True, check=True, text=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_loads_click_and_nothing_of_ours_but_the_table() -> None:
    loaded = modules_after("from trio_groq.cli import main; main()", "--help")
    loaded -= modules_after("import trio_groq")
    heavy = {"rich", "trio", "msgspec", "attrs", "h11", "ssl", "readline"}
    assert loaded & heavy == set()
    assert {name for name in loaded if name.startswith("trio_groq")} == {
        "trio_groq.cli",
        "trio_groq.cli._commands",
        "trio_groq.cli._output",
    }


def test_the_demo_loads_rich_for_a_terminal_only() -> None:
    args = ("demo", "--streams", "1", "--tokens", "1", "--plain")
    loaded = modules_after("from trio_groq.cli import main; main()", *args)
    assert "trio_groq.cli.demo" in loaded
    assert not any(name.partition(".")[0] == "rich" for name in loaded)
