"""`trio-groq bench`: load at a set rate, and what it costs in time."""

import json
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final, final

import attrs
import click

from trio_groq.cli._figures import in_milliseconds
from trio_groq.cli._load import LATE, Plan, Samples, Tally, ask_model, run_load
from trio_groq.cli._options import FiniteRange
from trio_groq.cli._output import FAILED, INTERRUPTED, Output, UsageFailure, standard
from trio_groq.cli._running import interruptible, run
from trio_groq.cli._settings import BASE_URL_HELP, settings
from trio_groq.cli._transfers import in_columns
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig, PoolLimits, RetryPolicy, Timeouts
from trio_groq.testing.replies import Reply
from trio_groq.testing.server import FakeGroq

__all__ = ["FakePace", "Report", "bench", "command"]

_DEFAULTS: Final = Plan(
    rate=1.0, count=10, prompt="Write about the sea, in one hundred words.", max_tokens=64
)
_PERCENTS: Final = (50, 95, 99)
_MAX_IN_FLIGHT: Final = 10_000
_FAKE_KEY: Final = "gsk_bench"


@final
@attrs.frozen(kw_only=True)
class FakePace:
    """How fast a FakeGroq in this process answers.

    Attributes:
        first_token: Seconds until the first token.
        tokens_per_second: Tokens a second after it.
    """

    first_token: float = 0.05
    tokens_per_second: float = 500.0

    def reply(self, plan: Plan) -> Reply:
        """An answer as long as the plan allows."""
        return Reply(
            tokens=["wave"] + [" wave"] * (plan.max_tokens - 1),
            first_token_delay=self.first_token,
            tokens_per_second=self.tokens_per_second,
        )


@final
@attrs.frozen(kw_only=True)
class Report:
    """What a load measured.

    Attributes:
        plan: What was asked.
        tally: What was measured.
        held_back: Requests that the client held back, as the API had refused one before.
        opened: Connections that were opened.
    """

    plan: Plan
    tally: Tally
    held_back: int = 0
    opened: int = 0

    def _latencies(self) -> dict[str, Samples]:
        tally = self.tally
        streamed = {"first token": tally.first_tokens, "token gap": tally.gaps}
        return {**(streamed if self.plan.stream else {}), "total": tally.totals}

    def _per_second(self, number: int) -> float:
        seconds = self.tally.seconds
        return number / seconds if seconds > 0 else 0.0

    def lines(self) -> list[str]:
        """The report for people: latencies, then the rest."""
        tally = self.tally
        rows = [["", *(f"p{percent}" for percent in _PERCENTS), "max"]]
        for name, samples in self._latencies().items():
            figures = (samples.percentile(percent) for percent in (*_PERCENTS, 100))
            rows.append([name, *("" if f is None else in_milliseconds(f) for f in figures)])
        rows[0][0] = "latency"
        facts = [
            ("requests", str(tally.started)),
            ("answered", str(tally.answered)),
            ("refused by rate limits (429)", str(tally.limited)),
            *((f"failed: {kind}", str(number)) for kind, number in tally.errors.most_common()),
            ("unfinished", str(self._unfinished())),
            ("requests per second", f"{self._per_second(tally.answered):.2f}"),
            ("tokens", str(tally.tokens)),
            ("tokens per second", f"{self._per_second(tally.tokens):.1f}"),
            ("seconds", f"{tally.seconds:.2f}"),
            (
                f"late starts (over {LATE * 1000:.0f} ms)",
                f"{tally.late}, by {in_milliseconds(tally.latest)} at the most",
            ),
            ("held back after a 429", str(self.held_back)),
            ("connections opened", str(self.opened)),
        ]
        width = max(len(name) for name, _ in facts)
        table = in_columns(rows, right=(1, 2, 3, 4))
        return [*table, "", *(f"{name:<{width}}  {figure}" for name, figure in facts)]

    def as_json(self) -> str:
        """The same for programs; times in seconds."""
        tally = self.tally
        latencies = {
            name.replace(" ", "_"): {
                **{f"p{percent}": samples.percentile(percent) for percent in _PERCENTS},
                "max": samples.percentile(100),
                "samples": samples.seen,
            }
            for name, samples in self._latencies().items()
        }
        fields: dict[str, Any] = {
            "plan": attrs.asdict(self.plan),
            "loop": "closed" if self.plan.rate is None else "open",
            "latency": latencies,
            "requests": tally.started,
            "answered": tally.answered,
            "rate_limited": tally.limited,
            "errors": dict(tally.errors),
            "unfinished": self._unfinished(),
            "requests_per_second": self._per_second(tally.answered),
            "tokens": tally.tokens,
            "tokens_per_second": self._per_second(tally.tokens),
            "seconds": tally.seconds,
            "late_starts": tally.late,
            "latest_start": tally.latest,
            "held_back": self.held_back,
            "connections_opened": self.opened,
        }
        return json.dumps(fields)

    def _unfinished(self) -> int:
        return self.tally.started - self.tally.answered - self.tally.errors.total()


def _bench_config(config: ClientConfig, plan: Plan) -> ClientConfig:
    """The client as it is, but for what would hide failures: nothing is repeated or held open."""
    at_once = plan.concurrency if plan.rate is None else plan.max_in_flight
    return attrs.evolve(
        config,
        timeouts=Timeouts(total=plan.timeout),
        retry=RetryPolicy(max_retries=0),
        circuit_breaker=None,
        limits=PoolLimits(max_connections=at_once, max_idle=at_once),
    )


async def bench(config: ClientConfig | None, plan: Plan, pace: FakePace) -> tuple[Report, bool]:
    """Run a plan.

    Args:
        config: Where, and with which key; None for a FakeGroq in this process.
        plan: What to ask, and how often.
        pace: Of that FakeGroq.

    Returns:
        What was measured, and whether it came to its end; False if it was interrupted.
    """
    tally = Tally()
    client: GroqClient | None = None
    async with interruptible() as scope, AsyncExitStack() as stack:
        if config is None:
            fake = FakeGroq(models=None, default_reply=pace.reply(plan))
            server = await stack.enter_async_context(fake)
            config = ClientConfig(api_key=_FAKE_KEY, base_url=server.url)
        client = await stack.enter_async_context(GroqClient(config=_bench_config(config, plan)))
        await run_load(partial(ask_model, client, plan), plan, tally)
    report = Report(plan=plan, tally=tally)
    if client is not None:
        report = attrs.evolve(
            report,
            held_back=client.gate_statistics().rate_limit_waits,
            opened=client.pool.statistics().opened,
        )
    return report, not scope.cancelled_caught


def _checked_plan(
    rate: float | None,
    concurrency: int | None,
    count: int | None,
    duration: float | None,
    **rest: Any,  # noqa: ANN401 (the other fields)
) -> Plan:
    """A plan with what was left out."""
    if rate is not None and concurrency is not None:
        raise UsageFailure("--rate: expected it without --concurrency, got both")
    if rate is None and concurrency is None:
        rate = _DEFAULTS.rate
    if count is None and duration is None:
        count = _DEFAULTS.count
    return Plan(rate=rate, concurrency=concurrency or 1, count=count, duration=duration, **rest)


@click.command
@click.option(
    "--rate",
    type=FiniteRange(min=0.001, max=100_000),
    help="Requests started a second, whatever became of those before (open loop).  [default: 1]",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, _MAX_IN_FLIGHT),
    help="Requests at a time, each after the one before it (closed loop).",
)
@click.option("--count", type=click.IntRange(1), help="Requests in all.  [default: 10]")
@click.option("--duration", type=FiniteRange(min=0.001), help="Seconds in which requests start.")
@click.option("--model", default=_DEFAULTS.model, show_default=True, help="Who is asked.")
@click.option("--prompt", default=_DEFAULTS.prompt, show_default=True, help="What.")
@click.option(
    "--max-tokens",
    type=click.IntRange(1, 100_000),
    default=_DEFAULTS.max_tokens,
    show_default=True,
    help="Most tokens of an answer.",
)
@click.option("--stream/--no-stream", default=True, help="Whether answers are streamed.")
@click.option(
    "--max-in-flight",
    type=click.IntRange(1, _MAX_IN_FLIGHT),
    default=_DEFAULTS.max_in_flight,
    show_default=True,
    help="Requests at a time with --rate, at the most; later ones are late.",
)
@click.option(
    "--timeout",
    type=FiniteRange(min=0.001),
    default=_DEFAULTS.timeout,
    show_default=True,
    help="Seconds for one request.",
)
@click.option("--fake", is_flag=True, help="Ask a FakeGroq in this process: no key, no network.")
@click.option(
    "--fake-first-token-ms",
    type=FiniteRange(min=0),
    default=FakePace().first_token * 1000,
    show_default=True,
    help="Milliseconds until its first token.",
)
@click.option(
    "--fake-tokens-per-second",
    type=FiniteRange(min=0.001),
    default=FakePace().tokens_per_second,
    show_default=True,
    help="Its pace after that.",
)
@click.option("--json", "json_wanted", is_flag=True, help="Print JSON, one object.")
@click.option("--base-url", help=BASE_URL_HELP)
def command(
    *,
    fake: bool,
    fake_first_token_ms: float,
    fake_tokens_per_second: float,
    json_wanted: bool,
    base_url: str | None,
    **options: Any,  # noqa: ANN401 (the fields of a plan, each declared above)
) -> None:
    """Load the API, and report how long answers take.

    Each request costs what it costs. Nothing is repeated: failures and 429s are counted. Latencies
    count from the moment at which a request was to start, so that a slow answer is not made up
    for by starting fewer. Ctrl-C ends it with a report. Exit code 1 if nothing was answered.
    """
    output, notices = standard()
    plan = _checked_plan(**options)
    pace = FakePace(
        first_token=fake_first_token_ms / 1000, tokens_per_second=fake_tokens_per_second
    )
    config = None if fake else settings(base_url)
    _announce(plan, notices, fake=fake)
    report, is_whole = run(partial(bench, config, plan, pace))
    for line in [report.as_json()] if json_wanted else report.lines():
        output.line(line)
    if not is_whole:
        raise click.exceptions.Exit(INTERRUPTED)
    if not report.tally.answered:
        raise click.exceptions.Exit(FAILED)


def _announce(plan: Plan, notices: Output, *, fake: bool) -> None:
    """Say what is going to be done, to whoever looks."""
    if not notices.is_terminal:
        return
    how = f"{plan.concurrency} at a time" if plan.rate is None else f"{plan.rate:g} a second"
    much = f"{plan.count} requests" if plan.duration is None else f"for {plan.duration:g} s"
    whom = "FakeGroq in this process" if fake else plan.model
    notices.line(f"{whom}: {how}, {much}; Ctrl-C ends it")
