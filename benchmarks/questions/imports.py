"""How long does the import take?"""

import os
import subprocess
import sys
from tempfile import TemporaryDirectory

from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target

LIBRARIES = {
    "trio_groq": "trio-groq",
    "groq": "groq SDK",
    "openai": "openai",
    "httpx": "httpx",
    "aiohttp": "aiohttp",
}
CLASSES = {
    "trio_groq": "GroqClient",
    "groq": "AsyncGroq",
    "openai": "AsyncOpenAI",
    "httpx": "AsyncClient",
    "aiohttp": "ClientSession",
}
KEYS = {"trio_groq": "gsk_benchmark", "groq": "gsk_benchmark", "openai": "sk-benchmark"}
"""Those that have completions at all."""
RUNS = 3
SCRIPT = """
import time
import trio
before = time.process_time()
{statement}
print((time.process_time() - before) * 1000)
"""


def _once(statement: str, cache: str) -> float:
    """Milliseconds of CPU in a fresh interpreter that has imported Trio.

    Args:
        statement: What is timed.
        cache: Folder of the bytecode. An installer compiles what it installs; a source tree has
            no bytecode where the environment forbids to write any, and would be compiled anew
            each time.
    """
    script = SCRIPT.format(statement=statement)
    environ = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        (sys.executable, "-c", script), check=True, capture_output=True, text=True, env=environ
    )
    return float(done.stdout)


def _cases(name: str) -> dict[str, str]:
    the_class = f"from {name} import {CLASSES[name]} as Client"
    cases = {"class of the client": the_class}
    if name == "trio_groq":
        cases["package alone"] = f"import {name}"
    if name in KEYS:
        made = f"{the_class}; Client(api_key={KEYS[name]!r}).chat.completions.create"
        cases["client made"] = made
    return cases


def measure(name: str, _target: Target, scale: Scale) -> Figures:
    """The fastest of some runs, after one that leaves files and bytecode cached."""
    runs = RUNS if scale.name == "full" else 1
    figures: Figures = {}
    with TemporaryDirectory() as cache:
        for case, statement in _cases(name).items():
            _once(statement, cache)
            figures[case] = {"import": min(_once(statement, cache) for _ in range(runs))}
    return figures


QUESTION = Question(
    name="imports",
    title="Import time",
    text=(
        "CPU time in a fresh interpreter that has already imported Trio: what the library adds to "
        "a Trio program, with its bytecode cached, as an installer leaves it; the fastest of "
        f"{RUNS} runs in each round. trio-groq loads its modules at the first use of a name, so "
        "what counts is the class of the client, and that it has been made and its completions "
        "reached; its package alone loads next to nothing, and is not compared. The others make a "
        "TLS context with the client, trio-groq with the first https connection."
    ),
    peers=LIBRARIES,
    needs={name: (name,) for name in LIBRARIES if name != "trio_groq"},
    metrics=(Metric("import", "import", "ms"),),
    measure=measure,
    goals=(
        Goal(case="class of the client", metric="import", at_most=80.0),
        Goal(case="client made", metric="import", at_most=80.0),
    ),
    rounds=2,
)
