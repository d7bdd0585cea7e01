"""What is a cancellation, and nothing else."""

import trio

__all__ = ["is_cancellation", "raise_plainly"]


def is_cancellation(error: BaseException) -> bool:
    """Whether it is `trio.Cancelled`, or a group of nothing else."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[1] is None
    return isinstance(error, trio.Cancelled)


async def raise_plainly(group: BaseExceptionGroup[BaseException]) -> None:  # noqa: ASYNC910 (it only raises)
    """Raise the cancellation that a nursery has put into a group, in no group.

    Args:
        group: What came out of the nursery. Of anything but a cancellation it is the caller's
            to raise it: then this returns.
    """
    if is_cancellation(group):
        await trio.lowlevel.checkpoint_if_cancelled()
