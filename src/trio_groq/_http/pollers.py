"""What the kernel offers for watching many descriptors at once: epoll, and kqueue."""

import select
from collections.abc import Callable
from typing import Any, Final, Protocol, final

__all__ = ["POLLERS", "EpollPoller", "KqueuePoller", "Poller"]


class Poller(Protocol):
    """What the kernel offers: tells which of many descriptors are readable, level-triggered."""

    def fileno(self) -> int:
        """Descriptor that is readable when any of them is."""

    def arm(self, fd: int) -> None:
        """Begin to look at `fd`."""

    def disarm(self, fd: int) -> None:
        """Cease to look at `fd`."""

    def poll(self) -> list[int]:
        """The descriptors that are readable (or broken) now, without waiting."""

    def close(self) -> None:
        """Give the poller back."""


@final
class EpollPoller:
    """Linux."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.fileno = self._epoll.fileno
        self.close = self._epoll.close

    def arm(self, fd: int) -> None:
        """See `Poller`."""
        self._epoll.register(fd, select.EPOLLIN)

    def disarm(self, fd: int) -> None:
        """See `Poller`."""
        self._epoll.unregister(fd)

    def poll(self) -> list[int]:
        """See `Poller`."""
        return [fd for fd, _ in self._epoll.poll(0)]


@final
class KqueuePoller:
    """macOS and the BSDs."""

    def __init__(self, module: Any = select) -> None:  # noqa: ANN401 (its kqueue is not on Linux)
        self._select = module
        self._kqueue = module.kqueue()
        self._armed = 0
        self.fileno = self._kqueue.fileno
        self.close = self._kqueue.close

    def _control(self, fd: int, flags: int) -> None:
        event = self._select.kevent(fd, self._select.KQ_FILTER_READ, flags)
        self._kqueue.control([event], 0)

    def arm(self, fd: int) -> None:
        """See `Poller`."""
        self._control(fd, self._select.KQ_EV_ADD)
        self._armed += 1

    def disarm(self, fd: int) -> None:
        """See `Poller`."""
        self._control(fd, self._select.KQ_EV_DELETE)
        self._armed -= 1

    def poll(self) -> list[int]:
        """See `Poller`."""
        return [event.ident for event in self._kqueue.control([], max(self._armed, 1), 0)]


POLLERS: Final[dict[str, Callable[[], Poller]]] = {
    "epoll": EpollPoller,
    "kqueue": KqueuePoller,
}
"""By the name that `select` has for each; which of them there are depends on the system."""
