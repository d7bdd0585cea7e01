"""The command line, `trio-groq`: the one package that prints or reads `sys.argv`.

Each command has a file of its own, imported only when that command is called: `trio-groq --help`
loads none of them. Exit codes: 0 done, 1 the API or the machine failed, 2 wrong usage or setup (no
key, for one), 130 interrupted with Ctrl-C.
"""

import sys
from typing import Final, NoReturn

__all__ = ["main"]

_EXTRA: Final = frozenset({"click", "rich"})
_FAILED: Final = 1
_INTERRUPTED: Final = 130


def main() -> NoReturn:
    """Run the command that `sys.argv` names, and exit with its code."""
    try:
        from trio_groq.cli._commands import run  # noqa: PLC0415 (click may be missing)

        code = run()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        print(
            f"error: trio-groq: expected {missing} to be installed, got none; "
            "`pip install 'trio-groq[cli]'` brings it",
            file=sys.stderr,
        )
        code = _FAILED
    except KeyboardInterrupt:  # while something is being imported
        code = _INTERRUPTED
    sys.exit(code)
