"""Run the project's checks in order and stop at the first that fails, with its exit code.

    python .ci/check.py              every step
    python .ci/check.py lint types   these steps, in the order of the table

Each tool runs with the interpreter that runs this file, so any virtual environment will do that
holds the `dev` extra.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON_TREES = ("src", "tests", "benchmarks", "examples", "docs", ".ci")

STEPS: dict[str, tuple[tuple[str, ...], ...]] = {
    "lint": (
        ("ruff", "check", "--no-cache", "."),
        ("ruff", "format", "--no-cache", "--check", "."),
        ("flake8", "--config", ".ci/flake8.cfg", *PYTHON_TREES),
    ),
    "types": (
        ("mypy",),
        ("basedpyright", "--ignoreexternal", "--verifytypes", "trio_groq"),
    ),
    "tests": (
        ("coverage", "run", "-m", "pytest"),
        ("coverage", "report"),
    ),
    "docs": (("sphinx", "-q", "-E", "-W", "--keep-going", "-b", "html", "docs", "docs/_build"),),
}


def environment() -> dict[str, str]:
    """The caller's environment, this interpreter's tools first.

    `basedpyright --verifytypes` takes the interpreter whose packages it reads from PATH alone.
    """
    tools = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join((tools, os.environ.get("PATH", os.defpath)))}


def run(command: tuple[str, ...]) -> int:
    """Run one tool as a module, from the project's root and without input; its exit code."""
    print(f"$ python -m {shlex.join(command)}", flush=True)
    started = time.monotonic()
    done = subprocess.run(
        (sys.executable, "-m", *command),
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    verdict = f"failed with exit code {done.returncode}" if done.returncode else "passed"
    print(f"  {command[0]} {verdict} in {time.monotonic() - started:.1f} s", flush=True)
    return done.returncode


def main() -> int:
    """Run the steps that the command line names, or all of them."""
    parser = argparse.ArgumentParser(description="Run the project's checks.")
    parser.add_argument("steps", nargs="*", metavar="step", help=f"of {', '.join(STEPS)}")
    wanted = parser.parse_args().steps or list(STEPS)
    unknown = sorted(set(wanted) - set(STEPS))
    if unknown:
        parser.error(f"step: expected one of {', '.join(STEPS)}, got {', '.join(unknown)}")
    started = time.monotonic()
    for step, commands in STEPS.items():
        for command in commands if step in wanted else ():
            code = run(command)
            if code:
                return code
    print(f"all checks passed in {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
