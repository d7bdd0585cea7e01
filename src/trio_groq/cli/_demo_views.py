"""How the demo shows itself: live in a terminal, in plain lines everywhere else."""

from collections.abc import Sequence
from typing import Final, Protocol, final

import trio
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trio_groq.cli._demo_run import Lane, Plan, Result
