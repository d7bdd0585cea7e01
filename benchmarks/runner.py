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

from benchmarks.peers import SLOW
from benchmarks.records import Figures, Question, Scale
from benchmarks.target import Target

__all__ = ["ROOT", "Answer", "answer", "load_server", "missing_modules"]

ROOT = Path(__file__).resolve().parent.parent
WORKER_SECONDS = 60
"""A peer that takes longer than this for its part of one round is left out."""


class PeerFailedError(Exception):
    """A peer's process did not give figures."""


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
def load_server() -> Iterator[Target]:
    """Start the load server in a process of its own."""
    with subprocess.Popen(
        (sys.executable, "-m", "benchmarks.server"),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Target(**json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()


def missing_modules(question: Question, peer: str) -> str:
    """Why a peer cannot run; empty if it can."""
    missing = [name for name in question.needs.get(peer, ()) if find_spec(name) is None]
    return f"{', '.join(missing)} not installed" if missing else ""


def answer(question: Question, target: Target, scale: Scale, rounds: int) -> Answer:
    """Ask every peer, one after the other, and again in every round."""
    result = Answer(question)
    for peer in question.peers:
        if reason := missing_modules(question, peer):
            result.absent[peer] = reason
    for number in range(1, min(rounds, question.rounds) + 1):
        figures: dict[str, Figures] = {}
        started = time.monotonic()
        for peer in question.peers:
            if peer in result.absent or (peer in SLOW and number > question.slow_rounds):
                continue
            try:
                figures[peer] = _ask_both_ways(question, peer, target, scale)
            except PeerFailedError as error:
                result.absent[peer] = str(error)
        result.rounds.append(figures)
        seconds = time.monotonic() - started
        print(f"{question.name}: round {number} in {seconds:.1f} s", flush=True)
    return result


def _ask_both_ways(question: Question, peer: str, target: Target, scale: Scale) -> Figures:
    figures = _ask(question, peer, target, scale)
    if question.also_tls:
        figures |= _ask(question, peer, target.over_tls, scale)
    return figures


def _ask(question: Question, peer: str, target: Target, scale: Scale) -> Figures:
    where: dict[str, Any] = attrs.asdict(target)
    command = (
        *(sys.executable, "-W", "ignore", "-m", "benchmarks.worker"),
        *(question.name, peer, scale.name, json.dumps(where)),
    )
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=WORKER_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise PeerFailedError(f"took more than {WORKER_SECONDS} s") from None
    if done.returncode:
        print(done.stderr[-4000:], file=sys.stderr)
        lines = [line for line in done.stderr.splitlines() if line.strip(" +-|")]
        raise PeerFailedError(f"failed: {lines[-1] if lines else 'no message'}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures
