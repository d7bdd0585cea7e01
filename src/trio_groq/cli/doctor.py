"""`trio-groq doctor`: whether everything on the way to the API works, and what to do if not."""

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias, final

import attrs
import click
import trio

from trio_groq._health import small_model
from trio_groq._http.dial import SSLContext
from trio_groq._http.proxies import Proxy, ProxySettings
from trio_groq.cli._diagnosis import (
    Finding,
    judge_clock,
    judge_failure,
    judge_key,
    judge_limits,
    judge_proxy,
    judge_settings,
    judge_url,
)
from trio_groq.cli._options import FiniteRange
from trio_groq.cli._output import FAILED, INTERRUPTED, Output, one_line, standard
from trio_groq.cli._probes import Place, look_up, reach, reach_through_proxy, shake_hands
from trio_groq.cli._running import interruptible, run
from trio_groq.cli._settings import BASE_URL_HELP
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig
from trio_groq.errors import APIStatusError, ConfigurationError, GroqError
from trio_groq.types.models import Model

__all__ = ["Doctor", "command", "doctor", "show_table"]

Tell: TypeAlias = Callable[[Finding], None]

_TIMEOUT: Final = 10.0
_MAX_TOKENS: Final = 16
"""Of the answer whose first token is waited for."""
_COLORS: Final = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}


@final
@attrs.frozen(kw_only=True)
class Doctor:
    """Looks at one thing after the other; what needs something that failed is skipped.

    Attributes:
        environ: Where settings come from.
        tell: Told of each finding as it is made.
        base_url: Where the API is instead.
        deep: Whether a model is to answer.
        model: Which; None for a small one.
        timeout: Seconds for each step.
        ssl_context: Whom to trust; None for the default.
        clock: Seconds since the epoch.
    """

    environ: Mapping[str, str]
    tell: Tell
    base_url: str | None = None
    deep: bool = False
    model: str | None = None
    timeout: float = _TIMEOUT
    ssl_context: SSLContext | None = None
    clock: Callable[[], float] = time.time

    async def examine(self) -> None:
        """Look at everything."""
        await trio.lowlevel.checkpoint()
        try:
            config = self._settings()
        except ConfigurationError as error:
            self.tell(judge_settings(error))
            return
        origin = config.parsed_base_url().origin
        self.tell(judge_key(config.api_key))
        self.tell(judge_url(origin, config.base_url))
        try:
            proxies = config.proxies(self.environ)
            finding, proxy = judge_proxy(self.environ, proxies, origin)
            self.tell(finding)
            is_reached = await self._reach(config, proxies, proxy)
        except ConfigurationError as error:  # a proxy that is none, or no authorities
            self.tell(judge_settings(error))
            return
        if not is_reached:
            self.tell(Finding("API", "skipped", "it cannot be reached"))
        elif config.api_key is None:
            self.tell(Finding("API", "skipped", "there is no key"))
        else:
            await self._call(config)

    def _settings(self) -> ClientConfig:
        fields = {} if self.base_url is None else {"base_url": self.base_url}
        config = ClientConfig.from_env(self.environ, **fields)
        return attrs.evolve(config, ssl_context=self.ssl_context)

    async def _reach(
        self, config: ClientConfig, proxies: ProxySettings, proxy: Proxy | None
    ) -> bool:
        """Look at the way there, step by step, as far as it goes."""
        origin = config.parsed_base_url().origin
        place = Place(origin.host, origin.port)
        if proxy is not None:
            place = Place(proxy.host, proxy.port, "proxy")
        steps = [partial(look_up, place, self.timeout), partial(reach, place, self.timeout)]
        if proxy is not None:
            context = self.ssl_context
            steps.append(partial(reach_through_proxy, origin, proxies, self.timeout, context))
        elif origin.scheme == "https":
            now = self.clock()
            steps.append(partial(shake_hands, place, self.timeout, now, self.ssl_context))
        for step in steps:  # noqa: ASYNC913 (there are two at least)
            finding = await step()
            self.tell(finding)
            if finding.status == "failed":
                return False
        return True  # noqa: ASYNC910 (likewise)

    async def _call(self, config: ClientConfig) -> None:
        """Make calls, and look at what their responses tell besides."""
        async with GroqClient(config=config) as client:
            started = trio.current_time()
            try:
                response = await client.models.with_raw_response.list(
                    timeout=self.timeout, max_retries=0
                )
                models = (await response.parse()).data
            except GroqError as error:
                self.tell(judge_failure("API", error))
                if isinstance(error, APIStatusError):
                    self._look_at(error.headers)
                return
            took = (trio.current_time() - started) * 1000
            self.tell(Finding("key accepted", "ok", f"{len(models)} models, {took:.0f} ms"))
            headers: Mapping[str, str] = response.headers
            if self.deep:
                headers = {**headers, **await self._first_token(client, models)}
            self._look_at(headers)

    async def _first_token(self, client: GroqClient, models: list[Model]) -> Mapping[str, str]:
        """Have a model answer; the header fields of its response."""
        await trio.lowlevel.checkpoint()
        started = trio.current_time()
        try:
            model = self.model or small_model(models)
            async with client.chat.completions.stream(
                model=model,
                messages=[{"role": "user", "content": "Say hi."}],
                max_completion_tokens=_MAX_TOKENS,
                timeout=self.timeout,
                max_retries=0,
            ) as stream:
                async for chunk in stream:
                    if any(each.delta.content or each.delta.reasoning for each in chunk.choices):
                        break
                took = (trio.current_time() - started) * 1000
                headers = stream.response.headers
        except GroqError as error:
            self.tell(judge_failure("first token", error))
            return error.headers if isinstance(error, APIStatusError) else {}
        self.tell(Finding("first token", "ok", f"{model}, {took:.0f} ms, connecting not included"))
        return headers

    def _look_at(self, headers: Mapping[str, str]) -> None:
        self.tell(judge_clock(headers.get("date"), self.clock()))
        self.tell(judge_limits(headers, deep=self.deep))


def _line(finding: Finding) -> str:
    return f"{finding.status:<8} {finding.name:<14} {one_line(finding.detail)}"


def _show_line(output: Output, finding: Finding) -> None:
    output.line(_line(finding))
    if finding.advice:
        output.line(f"{'':<8} {'':<14} -> {one_line(finding.advice)}")


def _show_json(output: Output, finding: Finding) -> None:
    # Plain ASCII: no terminal obeys it, and every encoding has it.
    output.line(json.dumps(attrs.asdict(finding)))


def show_table(findings: list[Finding]) -> None:
    """All findings as a table on standard output, for a terminal."""
    from rich.console import Console  # noqa: PLC0415 (rich is slow to load)
    from rich.table import Table  # noqa: PLC0415 (likewise)
    from rich.text import Text  # noqa: PLC0415 (likewise)

    table = Table(box=None, pad_edge=False)
    for title in ("Check", "Status", "What was seen, and what to do"):
        table.add_column(title)
    for finding in findings:
        told = Text(one_line(finding.detail))
        if finding.advice:
            told.append(f"\n-> {one_line(finding.advice)}", style="bold")
        color = _COLORS[finding.status]
        table.add_row(finding.name, Text(finding.status, style=color), told)
    Console().print(table)


async def doctor(make: Callable[[Tell], Doctor], tell: Tell) -> list[Finding] | None:
    """Examine, and tell of each finding.

    Args:
        make: Makes the doctor.
        tell: Told of each finding as it is made.

    Returns:
        All findings; None if it was interrupted.
    """
    findings: list[Finding] = []

    def keep(finding: Finding) -> None:
        findings.append(finding)
        tell(finding)

    async with interruptible() as scope:
        await make(keep).examine()
    return None if scope.cancelled_caught else findings


def _keep_quiet(_finding: Finding) -> None:
    """The table comes at the end."""


@click.command
@click.option("--deep", is_flag=True, help="Have a model answer, too; it costs a few tokens.")
@click.option("--model", help="Which model, with --deep; by default a small one.")
@click.option(
    "--timeout",
    type=FiniteRange(min=0.1),
    default=_TIMEOUT,
    show_default=True,
    help="Seconds for each step.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@click.option("--base-url", help=BASE_URL_HELP)
def command(
    *, deep: bool, model: str | None, timeout: float, as_json: bool, base_url: str | None
) -> None:
    """Check everything on the way to the API.

    The key, the URL, proxy settings, DNS, TCP, TLS and its certificate, whether the key is
    accepted, the clock, and the rate limits; with --deep also how long a first token takes. Each
    failure comes with what to do. Exit code 1 if anything failed.
    """
    output, _ = standard()
    is_table = output.is_terminal and not as_json and os.environ.get("TERM") != "dumb"
    tell = partial(_show_json if as_json else _show_line, output)
    make = partial(
        _doctor, base_url=base_url, deep=deep or model is not None, model=model, timeout=timeout
    )
    findings = run(partial(doctor, make, _keep_quiet if is_table else tell))
    if findings is None:
        raise click.exceptions.Exit(INTERRUPTED)
    if is_table:
        show_table(findings)
    if any(finding.status == "failed" for finding in findings):
        raise click.exceptions.Exit(FAILED)


def _doctor(
    tell: Tell, *, base_url: str | None, deep: bool, model: str | None, timeout: float
) -> Doctor:
    return Doctor(
        environ=os.environ, tell=tell, base_url=base_url, deep=deep, model=model, timeout=timeout
    )
