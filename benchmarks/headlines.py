"""The table that the documentation shows: a few figures out of all questions, as RST."""

from collections.abc import Iterator

from benchmarks import peers
from benchmarks.records import Metric
from benchmarks.report import number
from benchmarks.runner import Answer
from benchmarks.summary import cell

__all__ = ["headlines"]

ROWS = (
    ("full_speed", "plain", "cpu"),
    ("full_speed", "TLS", "cpu"),
    ("paced", "100 x 50/s", "cpu"),
    ("open_streams", "1,000 streams", "cpu"),
    ("open_streams", "1,000 streams", "p99"),
    ("open_streams", "1,000 streams", "memory"),
    ("open_streams", "1,000 streams, TLS", "memory"),
    ("plain", "50 at once", "cpu"),
    ("first_token", "warm", "p50"),
    ("cancelling", "1,000 streams", "cpu"),
)
"""Question, case, metric."""
BASELINE = "trio_groq"
PEERS = [name for name in peers.ALL if name not in (BASELINE, "trio_groq_batches")]


def _cells(answer: Answer, case: str, metric: Metric) -> Iterator[str]:
    yield f"{answer.question.title}, {case}: {metric.title}"
    ours = cell(answer, BASELINE, case, metric.name)
    yield f"{number(ours.median)} {metric.unit}" if ours else "not measured"
    for peer in PEERS:
        found = cell(answer, peer, case, metric.name)
        yield "" if found is None or found.ratio is None else f"x {number(found.ratio)}"


def headlines(answers: list[Answer], *, made: str) -> str:
    """The table, and how it came about."""
    by_name = {answer.question.name: answer for answer in answers}
    table = [["", peers.ALL[BASELINE], *(peers.ALL[name] for name in PEERS)]]
    for name, case, metric_name in ROWS:
        answer = by_name[name]
        metric = next(each for each in answer.question.metrics if each.name == metric_name)
        table.append(list(_cells(answer, case, metric)))
    lines = [".. list-table::", "   :header-rows: 1", "   :stub-columns: 1", ""]
    for row in table:
        first, *rest = row
        lines += [f"   * - {first}".rstrip(), *(f"     - {text}".rstrip() for text in rest)]
    return "\n".join([*lines, "", made, ""])
