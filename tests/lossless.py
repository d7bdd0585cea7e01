"""What a JSON document loses when it is decoded into a type of ours and encoded again."""

from collections.abc import Iterator
from typing import Any

__all__ = ["lost"]


def lost(stated: Any, kept: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Where `kept`, what came back, does not say what `stated`, the document, says.

    A member that is null is as good as none. What came back may say more: defaults.

    Args:
        stated: The document, plain JSON.
        kept: What came back, plain JSON.
        path: Where in the document this is.

    Yields:
        The path, `[]` for any item of a list, and what is wrong there.
    """
    if isinstance(stated, dict) and isinstance(kept, dict):
        for name, value in stated.items():
            where = f"{path}.{name}"
            if name in kept:
                yield from lost(value, kept[name], where)
            elif value is not None:
                yield where, f"{value!r} is lost"
    elif isinstance(stated, list) and isinstance(kept, list) and len(stated) == len(kept):
        for value, other in zip(stated, kept, strict=True):
            yield from lost(value, other, f"{path}[]")
    elif stated is not None and (
        stated != kept or isinstance(stated, bool) is not isinstance(kept, bool)
    ):
        yield path, f"expected {stated!r}, got {kept!r}"
