"""`trio-groq models`."""

import io
import json
import signal

import pytest
import trio
from click.testing import CliRunner, Result

from raw_http import until
from trio_groq.cli import models
from trio_groq.cli._output import Output
from trio_groq.cli._settings import settings
from trio_groq.testing import DEFAULT_MODELS, FakeGroq, Fault, Reply
from trio_groq.types.models import Model


def invoke(*args: str) -> Result:
    return CliRunner().invoke(models.command, args)


def test_the_table() -> None:
    listed = [
        Model(
            id="maker/model-b",
            owned_by="Maker",
            active=True,
            context_window=131_072,
            max_completion_tokens=8_192,
        ),
        Model(id="a", owned_by="Two\x1b words\n", active=False, context_window=448),
    ]
    assert models.table(listed) == [
        "MODEL          OWNER      CONTEXT  MAX ANSWER  ACTIVE",
        "a              Two words      448           -  no",
        "maker/model-b  Maker       131072        8192  yes",
    ]


def test_the_table_without_models() -> None:
    assert models.table([]) == ["MODEL  OWNER  CONTEXT  MAX ANSWER  ACTIVE"]


@pytest.mark.parametrize(
    ("created", "date"),
    [(1_700_000_000, "2023-11-14"), (0, "-"), (-5, "-"), (253_402_300_799, "9999-12-31")],
)
def test_the_details(created: int, date: str) -> None:
    assert models.details(Model(id="m", created=created, context_window=448)) == [
        "model           m",
        "owner           -",
        f"created         {date}",
        "active          -",
        "context window  448",
        "max answer      -",
    ]


def test_a_date_that_is_none() -> None:
    assert "created         -" in models.details(Model(id="m", created=10**18))


def test_all_models(groq: FakeGroq) -> None:
    result = invoke()
    assert (result.exit_code, result.stderr) == (0, "")
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["MODEL", "OWNER", "CONTEXT", "MAX", "ANSWER", "ACTIVE"]
    assert [line.split()[0] for line in lines] == sorted(DEFAULT_MODELS)


def test_all_models_as_json(groq: FakeGroq) -> None:
    lines = [json.loads(line) for line in invoke("--json").stdout.splitlines()]
    assert tuple(line["id"] for line in lines) == DEFAULT_MODELS
    assert lines[0]["context_window"] == 131_072


def test_one_model(groq: FakeGroq) -> None:
    result = invoke("openai/gpt-oss-120b")
    assert result.exit_code == 0
    assert "model           openai/gpt-oss-120b\n" in result.stdout
    assert "context window  131072\n" in result.stdout
    one = json.loads(invoke("openai/gpt-oss-120b", "--json").stdout)
    assert one["id"] == "openai/gpt-oss-120b"
    assert groq.requests[0].path == "/openai/v1/models/openai/gpt-oss-120b"


def test_json_is_plain_ascii(groq: FakeGroq) -> None:
    groq.enqueue(Reply.json({"id": "m\x1b[31m", "owned_by": "Bücher"}))
    assert invoke("m", "--json").stdout.isascii()


def test_another_base_url(groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_BASE_URL", "https://unreachable.invalid")
    assert invoke("--base-url", groq.url).exit_code == 0


def test_a_model_that_is_not_there(groq: FakeGroq) -> None:
    result = invoke("none")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert "`none` does not exist" in result.stderr


def test_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    result = invoke()
    assert (result.exit_code, result.stderr.partition(":")[0]) == (2, "error")
    monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
    result = invoke("a/../b")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: model: expected an id, got a path")


async def test_ctrl_c_ends_the_call(fake_groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
    fake_groq.enqueue(Reply.json({}, fault=Fault.stall(5)))
    shown = io.StringIO()
    finished: list[bool] = []

    async def show() -> None:
        config = settings(fake_groq.url)
        finished.append(await models.show(config, None, Output(shown), as_json=False))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(show)
        await until(lambda: bool(fake_groq.requests))
        signal.raise_signal(signal.SIGINT)
    assert (finished, shown.getvalue()) == ([False], "")


def test_an_interrupted_command_is_exit_code_130(
    groq: FakeGroq, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: object, **__: object) -> bool:
        return False

    monkeypatch.setattr(models, "show", interrupted)
    assert invoke().exit_code == 130
