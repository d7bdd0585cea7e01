"""Runs questions: the load server in one process, each peer in one of its own, in turn."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs

from benchmarks.records import Figures, Question, Scale

__all__ = ["ROOT", "Answer", "answer", "load_server"]

ROOT = Path(__file__).resolve().parent.parent
WORKER_SECONDS = 120


@attrs.define
class Answer:
    """What the rounds gave.

    Attributes:
        question: What was asked.
        rounds: For each round, the figures of each peer that had any.
        absent: Peers that did not run, and why.
    """

    question: Question
    rounds: list[dict[str, Figures]] = attrs.field(factory=list)
    absent: dict[str, str] = attrs.field(factory=dict)


@contextmanager
def load_server() -> Iterator[dict[str, Any]]:
    """Start the load server; gives the fields of `Target`."""
    with subprocess.Popen(
        (sys.executable, "-m", "benchmarks.server"),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


def missing_modules(question: Question, peer: str) -> str:
    """Why a peer cannot run; empty if it can."""
    missing = [name for name in question.needs.get(peer, ()) if find_spec(name) is None]
    return f"{', '.join(missing)} not installed" if missing else ""


def answer(question: Question, target: dict[str, Any], scale: Scale, rounds: int) -> Answer:
    """Ask every peer, one after the other, and again in every round."""
    result = Answer(question)
    for peer in question.peers:
        if reason := missing_modules(question, peer):
            result.absent[peer] = reason
    for _ in range(min(rounds, question.rounds)):
        figures: dict[str, Figures] = {}
        for peer in question.peers:
            if peer not in result.absent:
                _ask(result, figures, peer, scale, target)
        result.rounds.append(figures)
    return result


def _ask(
    result: Answer, figures: dict[str, Figures], peer: str, scale: Scale, target: dict[str, Any]
) -> None:
    command = (
        *(sys.executable, "-W", "ignore", "-m", "benchmarks.worker"),
        *(result.question.name, peer, scale.name, json.dumps(target)),
    )
    started = time.monotonic()
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=WORKER_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        result.absent[peer] = f"took more than {WORKER_SECONDS} s"
        return
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        result.absent[peer] = f"failed: {last}"
        print(done.stderr, file=sys.stderr)
        return
    figures[peer] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"  {result.question.name}: {peer} in {time.monotonic() - started:.1f} s", flush=True
    )
