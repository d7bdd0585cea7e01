"""Whether a request asks for what its model cannot do, by what the catalog knows of it. Sans-IO.

Only what is known counts, and only what is certain: a model that nobody knows is never found at
fault, and the length of a prompt only when the most generous estimate is too long.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from trio_groq.catalog import Capability, ModelInfo

__all__ = [
    "CHARS_PER_TOKEN",
    "Misuse",
    "find_misuses",
    "find_other_kind",
    "find_response_misuses",
]

CHARS_PER_TOKEN: Final = 8
"""Characters that no token of prose exceeds on average: English has 4 to 5, other languages fewer.
Long runs of spaces may, which is why nothing more than a warning depends on it by default."""

_LIMITS: Final = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_IMAGES: Final = ("image_url", "input_image")
_PURPOSES: "Final[Mapping[Capability, str]]" = {
    "text": "that answers conversations",
    "audio": "that writes down what was said",
    "speech": "that speaks",
    "embeddings": "that makes embeddings",
    "reranking": "that ranks documents",
}


class Misuse(msgspec.Struct, frozen=True):
    """What a model cannot do.

    Attributes:
        path: The parameter, such as `messages[0].content[1]`.
        expected: What it should be.
        got: What it is.
        value: The same, as it was given; None where it is long.
    """

    path: str
    expected: str
    got: str
    value: object = None

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, got {self.got}"


def find_misuses(
    model: "ModelInfo", params: Mapping[str, Any], body_length: int
) -> Iterator[Misuse]:
    """What a request for a chat completion asks of its model in vain.

    Args:
        model: What is known of it.
        params: Checked already.
        body_length: Bytes of the request's JSON, 0 or more: a prompt is never longer.
    """
    prompt = "messages", params["messages"]
    return _find(model, params, prompt, params.get("tools"), body_length)


def find_response_misuses(
    model: "ModelInfo", params: Mapping[str, Any], body_length: int
) -> Iterator[Misuse]:
    """What a request for a response asks of its model in vain.

    Args:
        model: What is known of it.
        params: Checked already.
        body_length: See `find_misuses`.
    """
    given = params["input"]
    items = [{"content": given}] if isinstance(given, str) else given
    # Tools that run at the server are other models' than those that call the caller's.
    tools = params.get("tools") or ()
    functions = [tool for tool in tools if _is_function(tool)]
    return _find(model, params, ("input", items), functions, body_length)


def find_other_kind(model: "ModelInfo", ability: "Capability") -> Iterator[Misuse]:
    """That a model is for something else altogether.

    Args:
        model: What is known of it.
        ability: What is asked of it.
    """
    if model.can(ability) is False:
        yield Misuse("model", f"one {_PURPOSES[ability]}", _what(model), model.name)


def _is_function(tool: object) -> bool:
    return isinstance(tool, Mapping) and tool.get("type") == "function"


def _find(
    model: "ModelInfo",
    params: Mapping[str, Any],
    prompt: tuple[str, Sequence[object]],
    tools: object,
    body_length: int,
) -> Iterator[Misuse]:
    """What both kinds of conversations ask in vain; `prompt` is a parameter and its messages."""
    name, messages = prompt
    yield from find_other_kind(model, "text")
    if tools and model.can("tools") is False:
        yield Misuse("tools", f"none for {model.name}", "some")
    if model.can("vision") is False:
        yield from _images(model, name, messages)
    yield from _answers(model, params)
    window = model.context_window
    # Most requests are far shorter than that, and are not looked at more closely.
    if window is not None and body_length > window * CHARS_PER_TOKEN:
        yield from _length(model, name, window, messages)


def _answers(model: "ModelInfo", params: Mapping[str, Any]) -> Iterator[Misuse]:
    """Answers that are to be longer than any is."""
    most = model.max_completion_tokens
    if most is not None:
        for name in _LIMITS:
            wanted = params.get(name)
            if isinstance(wanted, int) and wanted > most:
                expected = f"at most {most} for {model.name}"
                yield Misuse(name, expected, str(wanted), wanted)


def _what(model: "ModelInfo") -> str:
    abilities = ", ".join(sorted(model.capabilities or ()))
    return f"{model.name}, a model for {abilities}"


def _images(model: "ModelInfo", name: str, messages: Sequence[object]) -> Iterator[Misuse]:
    """The first image, if there is one."""
    for index, message in enumerate(messages):
        content = message.get("content") if isinstance(message, Mapping) else None
        if not isinstance(content, list | tuple):
            continue
        for number, part in enumerate(content):
            if isinstance(part, Mapping) and part.get("type") in _IMAGES:
                path = f"{name}[{index}].content[{number}]"
                yield Misuse(path, f"text, as {model.name} sees no images", "an image")
                return


def _length(
    model: "ModelInfo", name: str, window: int, messages: Sequence[object]
) -> Iterator[Misuse]:
    tokens = sum(map(_characters, messages)) // CHARS_PER_TOKEN
    if tokens > window:
        expected = f"at most {window} tokens for {model.name}"
        yield Misuse(name, expected, f"{tokens} by the lowest estimate")


def _characters(message: object) -> int:
    """Length of a message's texts; images do not count."""
    if not isinstance(message, Mapping):
        content = getattr(message, "content", None)
        return len(content) if isinstance(content, str) else 0
    content = message.get("content")
    if isinstance(content, str):
        return len(content)
    if not isinstance(content, list | tuple):
        return 0
    texts = (part.get("text") for part in content if isinstance(part, Mapping))
    return sum(len(text) for text in texts if isinstance(text, str))
