"""What is known of the models, and what a list of the API changes about it."""

import re
from datetime import date
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_data import DATA, json_lines, needs_shared_data
from trio_groq.catalog import MAX_LISTED, MAX_NAME, Catalog, ModelInfo, Retirement
from trio_groq.testing import DEFAULT_MODELS
from trio_groq.types.models import Model

KNOWN = Catalog()


def gone(name: str, *replacements: str) -> ModelInfo:
    return ModelInfo(name=name, retirement=Retirement(replacements=replacements))


def test_what_is_known_of_a_model() -> None:
    model = KNOWN.get("openai/gpt-oss-120b")
    assert model is not None
    assert (model.owner, model.context_window, model.max_completion_tokens) == (
        "OpenAI",
        131_072,
        65_536,
    )
    assert (model.can("tools"), model.can("vision"), model.retirement) == (True, False, None)
    assert "openai/gpt-oss-120b" in KNOWN
    assert KNOWN.get("nobody/knows") is None
    assert ModelInfo(name="m").can("text") is None


def test_a_retired_model_says_when_and_what_took_its_place() -> None:
    model = KNOWN.get("llama-3.1-8b-instant")
    assert model is not None
    assert model.retirement == Retirement(
        day=date(2026, 8, 16), replacements=("openai/gpt-oss-20b",)
    )


def test_the_table_holds_together() -> None:
    assert len(KNOWN) == len(list(KNOWN)) > 30
    for model in KNOWN:
        window, most = model.context_window, model.max_completion_tokens
        assert window is None or window >= (most or 1)
        assert model.capabilities is None or model.capabilities
        if model.retirement is not None:
            assert all(name in KNOWN for name in model.retirement.replacements)
            assert model.name not in KNOWN.available()


def test_the_models_of_fake_groq_are_known() -> None:
    assert [name for name in DEFAULT_MODELS if name not in KNOWN] == []


@needs_shared_data
def test_the_models_of_recorded_traffic_are_known() -> None:
    rows = [row for row in json_lines("groq/exchanges.jsonl") if row["status"] == 200]
    bodies = [row["request"]["json"] for row in rows if row.get("request")]
    names = {body["model"] for body in bodies if isinstance(body, dict) and "model" in body}
    assert len(names) > 15
    assert {name for name in names if name not in KNOWN} == set()


@needs_shared_data
def test_recorded_tools_and_images_were_taken_by_models_that_can_have_them() -> None:
    for row in json_lines("groq/exchanges.jsonl"):
        body: Any = (row.get("request") or {}).get("json")
        model = KNOWN.get(body.get("model", "")) if isinstance(body, dict) else None
        if row["status"] != 200 or model is None:
            continue
        if body.get("tools"):
            assert model.can("tools") is not False, model.name
        if '"image_url"' in str(body).replace("'", '"'):
            assert model.can("vision") is not False, model.name


@needs_shared_data
def test_the_models_of_the_api_document_are_known() -> None:
    text = (DATA / "groq-openapi.yaml").read_text(encoding="utf-8")
    lists = re.findall(r"\n +model:\n(?: +.*\n)*?( +)enum:\n((?:\1 +- .*\n)+)", text)
    names = {name for _, block in lists for name in re.findall(r"- (\S+)", block)}
    assert {"whisper-large-v3", "openai/gpt-oss-20b", "playai-tts"} <= names
    unknown = {name for name in names if name not in KNOWN}
    assert {name for name in unknown if re.search("llama|gpt|whisper|tts|qwen", name)} == set()


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("gpt-oss-120b", "openai/gpt-oss-120b"),
        ("openai/gpt-os-20b", "openai/gpt-oss-20b"),
        ("OpenAI/GPT-OSS-20B", "openai/gpt-oss-20b"),
        ("whisper-large-v3-trubo", "whisper-large-v3-turbo"),
        ("qwen3.8", "qwen/qwen3.8-27b"),
        ("groq-compound", "groq/compound"),
    ],
)
def test_names_that_are_near(name: str, first: str) -> None:
    near = KNOWN.near(name)
    assert near[0] == first
    assert len(near) == len(set(near)) <= 3
    assert KNOWN.near(name, 1) == (first,)


def test_names_that_are_near_are_available() -> None:
    assert "llama-3.1-8b-instant" not in KNOWN.near("llama-3.1-8b-instand", 10)
    assert "openai/gpt-oss-20b" not in KNOWN.near("openai/gpt-oss-20b", 10)


@pytest.mark.parametrize("name", ["", "zzz", "x" * (MAX_NAME + 1), "\x00\ud800"])
def test_names_that_are_like_no_other(name: str) -> None:
    assert KNOWN.near(name) == ()


def test_a_list_of_the_api_is_taken_over() -> None:
    listed = [
        Model(id="openai/gpt-oss-20b", owned_by="Someone", context_window=1000, active=True),
        Model(id="llama-3.1-8b-instant", active=True, max_completion_tokens=7),
        Model(id="my/own", owned_by="me", context_window=500, active=True),
        Model(id="whisper-large-v3", active=False),
        Model(id="gemma2-9b-it", active=False),
        Model(id=""),
    ]
    fresh = KNOWN.refreshed(listed)
    changed, kept, own = (
        fresh.get(name) for name in ("openai/gpt-oss-20b", "llama-3.1-8b-instant", "my/own")
    )
    assert changed is not None
    assert kept is not None
    assert (changed.owner, changed.context_window, changed.max_completion_tokens) == (
        "Someone",
        1000,
        65_536,
    )
    assert changed.can("tools")
    # This account has it still.
    assert (kept.retirement, kept.max_completion_tokens, kept.active) == (None, 7, True)
    assert own == ModelInfo(name="my/own", owner="me", context_window=500, active=True)
    assert fresh.available() == ("llama-3.1-8b-instant", "my/own", "openai/gpt-oss-20b")
    closed, retired = fresh.get("whisper-large-v3"), fresh.get("gemma2-9b-it")
    assert closed is not None
    assert closed.active is False
    assert retired is not None
    assert retired.retirement is not None
    assert fresh.near("my/owm") == ("my/own",)
    assert "" not in fresh
    assert fresh.is_refreshed
    # Frozen: what there was knows nothing of it.
    assert not KNOWN.is_refreshed
    assert "my/own" not in KNOWN
    assert repr(fresh) == f"<Catalog: {len(KNOWN) + 1} models, 3 available>"


def test_a_second_list_replaces_the_first() -> None:
    first = KNOWN.refreshed([Model(id="a", context_window=5), Model(id="b")])
    second = first.refreshed([Model(id="b")])
    assert second.available() == ("b",)
    assert "a" not in second


def test_an_endless_list_is_cut_off() -> None:
    fresh = KNOWN.refreshed(Model(id=f"m{number}") for number in range(MAX_LISTED + 5))
    assert len(fresh.available()) == MAX_LISTED


def test_replacements_lead_on_to_what_can_be_used() -> None:
    catalog = Catalog(
        [
            gone("old", "newer", "other"),
            gone("newer", "newest"),
            gone("other", "newest", "old"),  # a circle
            ModelInfo(name="newest"),
        ]
    )
    assert catalog.replacements("old") == ("newest",)
    assert catalog.replacements("newest") == ()
    assert catalog.replacements("unknown") == ()
    assert KNOWN.replacements("qwen-qwq-32b") == ("openai/gpt-oss-120b",)
    assert KNOWN.replacements("gemma2-9b-it") == ()


def test_replacements_are_what_the_account_has() -> None:
    fresh = KNOWN.refreshed([Model(id="qwen/qwen3.6-27b")])
    assert fresh.replacements("meta-llama/llama-4-scout-17b-16e-instruct") == ("qwen/qwen3.6-27b",)


def test_it_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        next(iter(KNOWN)).name = "other"  # type: ignore[misc]  # what is tested


@given(st.text(max_size=300))
def test_any_name_can_be_asked_for(name: str) -> None:
    assert set(KNOWN.near(name)) <= set(KNOWN.available())
    assert set(KNOWN.replacements(name)) <= set(KNOWN.available())
