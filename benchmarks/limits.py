"""How many descriptors a process may have: thousands of streams need as many."""

try:
    import resource
except ImportError:  # not on Windows, whose sockets need no such limit
    resource = None  # type: ignore[assignment]

__all__ = ["raise_descriptor_limit"]


def raise_descriptor_limit() -> None:
    """Take as many as the system lets this process have."""
    if resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
