"""Ask the questions and write RESULTS.md and one picture each.

    python -m benchmarks [question ...] [--rounds N] [--quick] [--output FOLDER]

Without names, every question is asked. The report is of the questions asked; the table that the
documentation shows (headlines.rst) is written anew only when all were asked, and in full.
"""

import argparse
import time
from importlib.util import find_spec
from pathlib import Path

from benchmarks import questions
from benchmarks.headlines import headlines
from benchmarks.records import FULL, QUICK
from benchmarks.report import load, render, setting
from benchmarks.runner import ROOT, Answer, answer, load_server

ROUNDS = 3


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.split("\n")[0]
    )
    parser.add_argument("questions", nargs="*", metavar="question", help=", ".join(questions.NAMES))
    parser.add_argument("--rounds", type=int, help=f"how often each is asked ({ROUNDS})")
    parser.add_argument("--quick", action="store_true", help="one short round with fewer streams")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "benchmarks", help="where the report goes"
    )
    options = parser.parse_args()
    unknown = sorted(set(options.questions) - set(questions.NAMES))
    if unknown:
        parser.error(
            f"question: expected some of {', '.join(questions.NAMES)}, got {', '.join(unknown)}"
        )
    return options


def _draw(answers: list[Answer], folder: Path) -> None:
    if find_spec("matplotlib") is None:
        print("no pictures: matplotlib not installed")
        return
    from benchmarks.plots import draw  # noqa: PLC0415 (matplotlib may be absent)

    for each in answers:
        draw(each, folder)


def main() -> None:
    """Ask, then write."""
    options = _options()
    scale = QUICK if options.quick else FULL
    rounds: int = options.rounds or (1 if options.quick else ROUNDS)
    names = [name for name in questions.NAMES if name in (options.questions or questions.NAMES)]
    started, busy = time.monotonic(), load()
    answers = []
    for name in names:
        with load_server() as target:
            answers.append(answer(questions.load(name), target, scale, rounds))
    options.output.mkdir(parents=True, exist_ok=True)
    made = setting(scale.name, rounds, busy)
    (options.output / "RESULTS.md").write_text(render(answers, made=made), encoding="utf-8")
    if len(answers) == len(questions.NAMES) and not options.quick:
        text = headlines(answers, made=made.replace("**", ""))
        (options.output / "headlines.rst").write_text(text, encoding="utf-8")
    _draw(answers, options.output / "plots")
    seconds = time.monotonic() - started
    print(f"{len(answers)} questions in {seconds:.0f} s: {options.output / 'RESULTS.md'}")


if __name__ == "__main__":
    main()
