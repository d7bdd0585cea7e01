"""What keeps secrets out of logs: in the text of messages, and in whatever a handler is given.

The package's own messages hold no secret to begin with: errors carry no request header, and keys
do not show themselves. This is for what others put there: a key pasted into a prompt, a server
that repeats the key it refuses, a proxy's address with its password.
"""

import logging
import re
from typing import Final, final

__all__ = ["RedactingFilter", "one_line", "redact"]

HIDDEN: Final = "[hidden]"
_SCHEME: Final = r"(?:bearer|basic|digest|negotiate)\s+"
_FIELDS: Final = (
    r"(?:proxy-)?authorization|(?:x-)?api[_-]?key|(?:access|refresh|auth)[_-]?token|secret|password"
)

# Each leaves what names the secret, so that a reader knows what stood there.
_RULES: Final = (
    # Keys of this API and of its kin, and GitHub's, wherever they stand.
    (re.compile(r"\b((?:gsk|sk|pk|rk|ghp|gho|ghs|hf|xai)[_-])[A-Za-z0-9_\-]{4,}"), rf"\1{HIDDEN}"),
    # Fields by name: in JSON, in Python's repr, in a header, in a query, in TOML.
    (
        re.compile(
            rf"(?i)\b({_FIELDS})([\"']?\s*[:=]\s*(?:b(?=[\"']))?)"
            r"""("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|"""
            rf"""(?:{_SCHEME})?[^\s,;&"'}}\])]+)"""
        ),
        rf"\1\2{HIDDEN}",
    ),
    # Credentials of an Authorization field elsewhere (RFC 9110, 11.6.2). What follows a scheme's
    # name in a sentence has no digit, and no `=` at its end.
    (
        re.compile(rf"(?i)\b({_SCHEME})(?=[a-z._~+/\-]*[0-9=])[a-z0-9._~+/\-]{{4,}}=*"),
        rf"\1{HIDDEN}",
    ),
    # User and password of a URL (RFC 3986, 3.2.1).
    (re.compile(r"(://)[^/?#\s\"'@]*@"), rf"\1{HIDDEN}@"),
)
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")

# What a record has of itself (see `logging.LogRecord`); all else is what a caller put there.
_OWN: Final = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None)))


def redact(text: str) -> str:
    """Hide what looks like a secret: API keys, credentials of header fields and of URLs.

    Args:
        text: Any text; the cost is linear in its length.

    Returns:
        The same, with `[hidden]` where they stood.
    """
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def one_line(text: str) -> str:
    """Escape control characters: what a server sends cannot forge a line of the log."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


@final
class RedactingFilter(logging.Filter):
    """Hides secrets in every record that passes: message, traceback, stack and further fields.

    A logger's filter sees only what is logged to that very logger; add it to handlers.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record, and let it pass."""
        record.msg = redact(record.getMessage())
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        for name, value in vars(record).items():
            if isinstance(value, str) and name not in _OWN:
                setattr(record, name, redact(value))
        return True
