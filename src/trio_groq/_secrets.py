"""Hides what looks like a secret, in the texts and values that errors carry.

What a secret looks like is all that is known here. Errors of responses hide, besides, the very
secrets that their request was sent with (`_api.redaction`).
"""

import operator
import re
from collections.abc import Callable
from typing import Any, Final

__all__ = ["hidden_in", "mask", "picklable"]

MAX_DEPTH: Final = 100
"""Containers within containers; a body or a parameter of the API has some ten."""
MAX_SHOWN: Final = 200
"""Characters of the `repr` that stands for a value which cannot be pickled."""
_CUT: Final = "..."
_CONTAINERS: Final = frozenset({dict, list, tuple})

_SCHEME: Final = r"(?:bearer|basic|digest|negotiate)\s+"
_RULES: Final = (
    # Keys of this API, in any form that they may take.
    (re.compile(r"gsk_[0-9A-Za-z_-]+"), "gsk_***"),
    # Credentials of a header field (RFC 9110, 11.6.2). Elsewhere what follows the name of a scheme
    # may be a sentence, whose words have no digits, and are short.
    (re.compile(rf"(?i)(authorization[\"']?\s*[:=]\s*[\"']?{_SCHEME})[^\s\"',;<>*]+"), r"\1***"),
    (
        re.compile(rf"(?i)\b({_SCHEME})(?=[\w.~+/-]*[0-9=_]|[\w.~+/-]{{16}})[\w.~+/-]{{8,}}=*"),
        r"\1***",
    ),
    # User and password of a URL (RFC 3986, 3.2.1), and parameters that are named like a secret.
    (re.compile(r"(://)[^/?#\s\"'@\[\]]+@"), r"\1***@"),
    (
        re.compile(
            r"(?i)([?&](?:[\w.-]*[_.-])?(?:(?:api|access)?key|token|secret|password|sig|signature)=)"
            r"[^\s&#\"'<>]+"
        ),
        r"\1***",
    ),
)
# No rule matches without one of these, which are found much faster.
_HINTS: Final = ("gsk_", "bearer", "basic", "digest", "negotiate", "://", "?", "&")


def mask(text: str) -> str:
    """The text with `***` in the place of what looks like a secret."""
    folded = text.lower()
    for hint in _HINTS:
        if hint in folded:
            break
    else:
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def hidden_in(value: object, hide: Callable[[str], str] = mask) -> object:
    """A plain value with every text in it, keys of dicts as well, as `hide` leaves it.

    Args:
        value: Any; other objects than texts, bytes, lists, tuples and dicts stay as they are.
        hide: What becomes of a text.

    Returns:
        The same object where nothing was to hide. A copy has "..." in the place of what lies deeper
        than `MAX_DEPTH`, or contains itself.
    """
    return _hidden(value, hide, {}, MAX_DEPTH)


def _hidden(
    value: object, hide: Callable[[str], str], seen: dict[int, object], depth: int
) -> object:
    """See `hidden_in`; `seen` has what became of each container, which may be in several others."""
    if type(value) is str:
        return hide(value)
    if type(value) is bytes:
        hidden = hide(value.decode("latin-1")).encode("latin-1")
        return value if hidden == value else hidden
    if type(value) not in _CONTAINERS:
        return value
    if id(value) not in seen:
        seen[id(value)] = _CUT
        if depth > 0:
            seen[id(value)] = _hidden_within(value, hide, seen, depth - 1)
    return seen[id(value)]


def _hidden_within(
    value: Any,  # noqa: ANN401 (a container)
    hide: Callable[[str], str],
    seen: dict[int, object],
    depth: int,
) -> object:
    if isinstance(value, dict):
        parts = [each for pair in value.items() for each in pair]
    else:
        parts = list(value)
    hidden = [_hidden(each, hide, seen, depth) for each in parts]
    if all(map(operator.is_, parts, hidden)):
        return value
    if isinstance(value, dict):
        return dict(zip(hidden[::2], hidden[1::2], strict=True))
    return type(value)(hidden)


def picklable(value: object) -> object:
    """The value if it can be pickled, else its `repr`: one line at most, without secrets."""
    import pickle  # noqa: PLC0415 (who asks has loaded it; others need not)

    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 (an object's own code may raise anything)
        shown = _repr(value)
    else:
        return value
    return shown if len(shown) <= MAX_SHOWN else f"{shown[: MAX_SHOWN - 3]}..."


def _repr(value: object) -> str:
    try:
        return mask(repr(value))
    except Exception:  # noqa: BLE001 (see above)
        return f"<{type(value).__name__}>"
