"""A running script is scraped: real processes, real sockets, Prometheus's own format."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from prometheus_client.parser import text_string_to_metric_families

from trio_groq import GroqClient

SCRIPT = Path(__file__).with_name("scraped_script.py")
SERVE = "from trio_groq.cli import main; main()"
MODEL = "openai/gpt-oss-20b"
PATIENCE = 60.0
"""Seconds until the test fails instead of hanging."""


@asynccontextmanager
async def running(*arguments: str, **environ: str) -> AsyncIterator[trio.Process]:
    command = [sys.executable, *arguments]
    process = await trio.lowlevel.open_process(
        command, env=os.environ | environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        with trio.move_on_after(PATIENCE, shield=True):
            await process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                await pipe.aclose()


async def said(process: trio.Process, pattern: str) -> str:
    """The first group of `pattern`, once the process has said it."""
    assert process.stdout is not None
    heard = ""
    async for piece in process.stdout:
        heard += piece.decode()
        if found := re.search(pattern, heard):
            return found[1]
    raise AssertionError(f"expected {pattern}, got {heard!r}")


async def scrape(url: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of the page, by its name and labels."""
    base, path = url.rsplit("/", 1)
    async with GroqClient("none", base_url=base, max_retries=0) as client:
        page = await client.request("GET", f"/{path}", cast_to=bytes)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


async def test_a_running_script_is_scraped() -> None:
    with trio.fail_after(PATIENCE):
        async with running("-c", SERVE, "serve", "--port", "0") as server:
            base_url = await said(server, r"(http://[\w.:]+)")
            environ = {"GROQ_API_KEY": "gsk_test", "GROQ_BASE_URL": base_url}
            async with running("-W", "error", str(SCRIPT), **environ) as script:
                samples = await scrape(await said(script, r"(\S+/metrics)\s"))

    def found(name: str, **labels: str) -> list[float]:
        return [
            number
            for (each, has), number in samples.items()
            if each == name and labels.items() <= dict(has).items()
        ]

    def total(name: str, **labels: str) -> float:
        return sum(found(name, **labels))

    def value(name: str, **labels: str) -> float:
        """The only sample of this name that has these labels."""
        (only,) = found(name, **labels)
        return only

    chat = {"model": MODEL, "operation": "chat.completions", "status": "ok"}
    assert value("groq_requests_total", **chat) == 3
    assert value("groq_requests_total", model=MODEL, status="error") == 1
    assert value("groq_requests_total", operation="models", status="error") == 1
    assert value("groq_request_duration_seconds_count", **chat) == 3
    assert value("groq_request_duration_seconds_bucket", **chat, le="+Inf") == 3
    assert value("groq_tokens_total", model=MODEL, type="input") > 0
    assert value("groq_tokens_total", model=MODEL, type="output") > 0
    assert value("groq_rate_limit_remaining", model=MODEL, limit="requests") == 99
    assert value("groq_rate_limit_remaining", model=MODEL, limit="tokens") == 5900
    # One service failed, the other never did.
    assert sorted(found("groq_circuit_breaker_state")) == [0, 2]
    each = {"gen_ai_provider_name": "groq", "gen_ai_operation_name": "chat"}
    operation = "gen_ai_client_operation"
    assert total(f"{operation}_duration_seconds_count", **each) == 4
    assert total(f"{operation}_time_to_first_chunk_seconds_count", **each) == 1
    assert total(f"{operation}_time_per_output_chunk_seconds_count", **each) == 1
    assert total("gen_ai_client_token_usage_count", gen_ai_token_type="output", **each) == 3
