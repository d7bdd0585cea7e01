"""How long does the import take?"""

import subprocess
import sys

from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target

MODULES = {
    "trio_groq": "trio-groq",
    "groq": "groq SDK",
    "openai": "openai",
    "httpx": "httpx",
    "aiohttp": "aiohttp",
}
RUNS = 5
SCRIPT = """
import time
import trio
before = time.process_time()
import {module}
print((time.process_time() - before) * 1000)
"""


def _once(module: str) -> float:
    """Milliseconds of CPU that an import takes in a fresh interpreter that has imported Trio."""
    script = SCRIPT.format(module=module)
    done = subprocess.run(
        (sys.executable, "-c", script), check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def measure(name: str, _target: Target, scale: Scale) -> Figures:
    """The fastest of some runs: the files are cached then."""
    runs = RUNS if scale.name != "smoke" else 1
    return {"beyond Trio": {"import": min(_once(name) for _ in range(runs))}}


QUESTION = Question(
    name="imports",
    title="Import time",
    text=(
        "CPU time of the import in a fresh interpreter that has already imported Trio: what the "
        f"library adds to a Trio program. The fastest of {RUNS} runs in each round."
    ),
    peers=MODULES,
    needs={name: (name,) for name in MODULES if name != "trio_groq"},
    metrics=(Metric("import", "import", "ms"),),
    measure=measure,
    goals=(Goal(case="beyond Trio", metric="import", at_most=80.0),),
    rounds=3,
)
