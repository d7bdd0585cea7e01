"""One Trio run and one process for a client: its sockets, pollers and waiting tasks are theirs.

In another run, nobody would wake the tasks that wait; in a forked child, two processes would read
from one socket, and each would get a part of the other's answers.

Before every call the run is asked for, and nothing else: to ask for the process would be a system
call. A fork itself tells the guards of the child.
"""

import os
import weakref
from typing import Final, final

import trio

from trio_groq.errors import ConfigurationError

__all__ = ["RunGuard"]

_NOTE: Final = (
    "Make a client in each run and in each process, inside the function that trio.run() is given."
)
_used: Final["weakref.WeakSet[RunGuard]"] = weakref.WeakSet()


@final
class RunGuard:
    """Remembers the run and the process in which it is first asked, and tells them from others.

    Attributes:
        is_forked: Whether this is a forked child of the process that it belongs to. There nothing
            may be closed in order: a poller is shared with the parent, and what is taken out of
            it here is out of it there.
    """

    __slots__ = ("__weakref__", "_token", "is_forked")

    def __init__(self) -> None:
        self._token: trio.lowlevel.TrioToken | None = None
        self.is_forked: bool = False

    def check(self) -> None:
        """Pass in the run and the process of the first check.

        Raises:
            ConfigurationError: This is another one, or no Trio run at all.
        """
        try:
            token = trio.lowlevel.current_trio_token()
        except RuntimeError:
            raise _wrong("a Trio run", "none", "Call it inside trio.run().") from None
        if token is not self._token:
            self._settle(token)

    def _settle(self, token: trio.lowlevel.TrioToken) -> None:
        if self.is_forked:
            raise _wrong("the process that it was first used in", "a forked child of it", _NOTE)
        if self._token is not None:
            raise _wrong("the Trio run that it was first used in", "another", _NOTE)
        self._token = token
        _used.add(self)


def _wrong(expected: str, got: str, note: str) -> ConfigurationError:
    error = ConfigurationError(f"client: expected {expected}, got {got}")
    error.add_note(note)
    return error


def _tell_of_fork() -> None:
    for guard in _used:
        guard.is_forked = True
        guard._token = None  # noqa: SLF001 (a function of this class, in all but its place)


if hasattr(os, "register_at_fork"):  # elsewhere nothing forks
    os.register_at_fork(after_in_child=_tell_of_fork)
