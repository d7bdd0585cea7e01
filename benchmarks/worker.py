"""A peer's own process: measures one peer for one question and prints the figures as JSON.

python -m benchmarks.worker QUESTION PEER SCALE TARGET
"""

import json
import sys

from benchmarks import questions
from benchmarks.limits import raise_descriptor_limit
from benchmarks.records import FULL, QUICK, SMOKE
from benchmarks.target import Target

SCALES = {scale.name: scale for scale in (FULL, QUICK, SMOKE)}


def main() -> None:
    """Measure; the last line on standard output is the result."""
    question, peer, scale, target = sys.argv[1:]
    raise_descriptor_limit()
    figures = questions.load(question).measure(peer, Target(**json.loads(target)), SCALES[scale])
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
