"""The API key: held so that it does not show, checked so that it cannot break a request."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, final

from trio_groq.errors import ConfigurationError

__all__ = ["ApiKey", "Secret", "checked_secret"]

SHOWN: Final = 4
"""So many last characters tell one key from another; fewer than a tenth of a real one."""
HIDDEN: Final = 12
"""A secret shows its end only when this many characters stay hidden."""


@final
class Secret:
    """Text that `repr`, `str`, logs and tracebacks show as `...abcd` at the most.

    Args:
        value: The text.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        end = self._value[-SHOWN:] if len(self._value) >= SHOWN + HIDDEN else ""
        return f"...{end}"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be pickled: a pickle is plain text."""
        raise TypeError("Secret: expected never to be pickled, got a pickle's request")


ApiKey: TypeAlias = str | Secret | Callable[[], "str | Secret | Awaitable[str | Secret]"]
"""A key, or a function, sync or async, that is asked for it before every attempt."""


def checked_secret(key: object, *, source: str = "api_key") -> Secret:
    """Check a key before it becomes a header; no message shows it.

    Raises:
        ConfigurationError: It is empty, no text, or has characters that no key has: spaces, line
            ends and control characters would break the request, non-ASCII its encoding.
    """
    text = key.reveal() if isinstance(key, Secret) else key
    if not isinstance(text, str):
        raise ConfigurationError(f"{source}: expected text, got {type(text).__name__}")
    if not text:
        raise ConfigurationError(f"{source}: expected a key, got an empty one")
    if not (text.isascii() and text.isprintable() and " " not in text):
        wrong = next(index for index, char in enumerate(text) if not "!" <= char <= "~")
        raise ConfigurationError(
            f"{source}: expected printable ASCII without spaces, got another character at "
            f"position {wrong} of {len(text)} (a line end copied along?)"
        )
    return Secret(text)
