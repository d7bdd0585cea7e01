"""What is a cancellation, and nothing else."""

import trio

__all__ = ["is_cancellation"]


def is_cancellation(error: BaseException) -> bool:
    """Whether it is `trio.Cancelled`, or a group of nothing else."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[1] is None
    return isinstance(error, trio.Cancelled)
