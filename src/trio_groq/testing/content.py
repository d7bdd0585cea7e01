"""What the model says when nothing was scripted, and how text is counted in tokens.

A token is a word with the space before it. That is not how a real model counts, but it looks
alive, adds up, and is the same in every run.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from trio_groq.testing.replies import Reply

__all__ = ["echo", "text_of", "tokenize", "usage_of"]

_TOKEN = re.compile(r"\s*\S+|\s+\Z")

# How much of the user's words is echoed: a prompt of a megabyte should not come back.
_ECHO_TOKENS = 40

_WORDS = re.findall(
    r"\w+",
    "a answers arrives before bounded bytes carries cold each every fast first from holds idle "
    "keeps last light line long network never next one opens over quiet reader returns sends "
    "short signal slow socket steady stream takes the then through token toward under waits "
    "while wide wire with without word",
)

# What a message costs beyond its text: role and delimiters.
_MESSAGE_OVERHEAD = 4

# Seconds: a made-up but steady machine.
_QUEUE_TIME = 0.012
_PROMPT_TIME_PER_TOKEN = 0.00005
_COMPLETION_TIME_PER_TOKEN = 0.002


def tokenize(text: str) -> list[str]:
    """The text in tokens; joined they are the text."""
    return _TOKEN.findall(text)


def text_of(content: object) -> str:
    """The text of a message's content: a string, or the text parts of a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def _filler(seed: str) -> str:
    """One or two sentences that depend on nothing but `seed`."""
    digest = hashlib.sha256(seed.encode("utf-8", "replace")).digest()
    words = [_WORDS[byte % len(_WORDS)] for byte in digest[: 16 + digest[0] % 16]]
    half = len(words) // 2
    return " ".join(" ".join(part).capitalize() + "." for part in (words[:half], words[half:]))


def _cut_at_stop(text: str, stop: object) -> str:
    sequences = [stop] if isinstance(stop, str) else stop or []
    assert isinstance(sequences, list)  # noqa: S101 (the request was checked)
    ends = [text.find(sequence) for sequence in sequences if sequence]
    return text[: min((end for end in ends if end >= 0), default=len(text))]


def echo(params: Mapping[str, Any]) -> Reply:
    """A plausible answer to a checked request; obeys `stop` and the limits on tokens."""
    asked = [message for message in params["messages"] if message.get("role") == "user"]
    said = "".join(tokenize(text_of(asked[-1].get("content")))[:_ECHO_TOKENS]) if asked else ""
    text = _cut_at_stop(f"You said: {said}\n\n{_filler(said)}", params.get("stop"))
    tokens = tokenize(text)
    limit = params.get("max_completion_tokens") or params.get("max_tokens")
    if limit is not None and len(tokens) > limit:
        return _spoken(tokens[:limit], "length")
    return _spoken(tokens, "stop")


def _spoken(tokens: Sequence[str], finish_reason: str) -> Reply:
    return Reply(content="".join(tokens), tokens=tokens, finish_reason=finish_reason)


def _prompt_tokens(params: Mapping[str, Any]) -> int:
    texts = (text_of(message.get("content")) for message in params["messages"])
    return sum(len(tokenize(text)) + _MESSAGE_OVERHEAD for text in texts)


def usage_of(
    params: Mapping[str, Any], spoken: int, reasoned: int, seconds: float
) -> dict[str, Any]:
    """The `usage` object.

    Args:
        params: The request.
        spoken: Tokens sent, thoughts and calls included.
        reasoned: Those of them that were thoughts.
        seconds: How long the reply's pace makes it take; 0 for as long as a fast machine would.
    """
    prompt = _prompt_tokens(params)
    prompt_time = round(prompt * _PROMPT_TIME_PER_TOKEN, 9)
    completion_time = round(seconds or spoken * _COMPLETION_TIME_PER_TOKEN, 9)
    usage: dict[str, Any] = {
        "queue_time": _QUEUE_TIME,
        "prompt_tokens": prompt,
        "prompt_time": prompt_time,
        "completion_tokens": spoken,
        "completion_time": completion_time,
        "total_tokens": prompt + spoken,
        "total_time": round(prompt_time + completion_time, 9),
    }
    if reasoned:
        usage["completion_tokens_details"] = {"reasoning_tokens": reasoned}
    return usage
