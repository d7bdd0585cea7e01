"""TLS sessions to take up again: a resumed handshake has no certificates to send and to check."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Final, final

__all__ = ["TLSSessions"]

MAX_SESSIONS: Final = 16
"""A client has one origin and at most one proxy. A session holds the peer's certificates, some
10 KB; the one used longest ago is dropped."""


@final
class TLSSessions:
    """The last session of each peer.

    A session is as good as the certificate check that it came from. So its key has everything on
    which that check depends: the context and the host.

    Args:
        limit: How many are kept; 1 or more.
    """

    __slots__ = ("_limit", "_sessions")

    def __init__(self, limit: int = MAX_SESSIONS) -> None:
        self._limit = limit
        self._sessions: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable) -> Any:  # noqa: ANN401 (only the file that names ssl knows it)
        """The last session kept for a peer, None for none."""
        session = self._sessions.get(key)
        if session is not None:
            self._sessions.move_to_end(key)
        return session

    def keep(self, key: Hashable, session: Any) -> None:  # noqa: ANN401 (see `get`)
        """Keep a session for a peer, in place of the one before; None changes nothing."""
        if session is None:
            return
        self._sessions[key] = session
        self._sessions.move_to_end(key)
        if len(self._sessions) > self._limit:
            self._sessions.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """Drop a peer's session: a handshake with it has failed."""
        self._sessions.pop(key, None)

    def __len__(self) -> int:
        return len(self._sessions)
