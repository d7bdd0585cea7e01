"""The requests of a run: what a line of its input becomes, checked, and with a name of its own."""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, final

import attrs
import msgspec

from trio_groq._api.batch_lines import write_batch_line
from trio_groq._api.rate_limit_policy import BYTES_PER_TOKEN, DEFAULT_COMPLETION_TOKENS
from trio_groq.cli._run_overrides import Override
from trio_groq.errors import InvalidRequestError

__all__ = ["DIGEST_BYTES", "RunRequest", "Shape", "Tokens", "digest_of"]

DIGEST_BYTES: Final = 16
"""Of a million requests two have the same digest with a chance of one in 10^27."""

_PREFIX: Final = "/openai"
_CHAT: Final = "/v1/chat/completions"
_RESPONSES: Final = "/v1/responses"
_URL: Final = re.compile(r"/v1(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_TOKEN_LIMITS: Final = ("max_completion_tokens", "max_output_tokens", "max_tokens")


@attrs.frozen
class Tokens:
    """How many tokens.

    Attributes:
        prompt: Of what was asked, 0 or more.
        completion: Of the answer, 0 or more.
    """

    prompt: int = 0
    completion: int = 0

    @property
    def total(self) -> int:
        """Both."""
        return self.prompt + self.completion

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.prompt + other.prompt, self.completion + other.completion)


def digest_of(*parts: object) -> bytes:
    """A short name for JSON values, whatever the order of their members."""
    text = msgspec.json.encode(parts, order="deterministic")
    return blake2b(text, digest_size=DIGEST_BYTES).digest()


@final
@attrs.frozen(kw_only=True)
class RunRequest:
    """One request.

    Attributes:
        line: Where it is in the input, from 1.
        custom_id: Its name, different from all others'.
        path: Absolute path of the API.
        body: What is sent, without `stream`.
        streamed: Whether the answer is asked for as an event stream.
        digest: Tells it from the same `custom_id` with another body or path.
        size: Of its line as JSON, in bytes.
    """

    line: int
    custom_id: str
    path: str
    body: Mapping[str, Any] = attrs.field(repr=False)
    streamed: bool = False
    digest: bytes = attrs.field(repr=False)
    size: int

    @property
    def model(self) -> str:
        """Who is asked; empty if the body does not say."""
        model = self.body.get("model")
        return model if isinstance(model, str) else ""

    def estimate(self) -> Tokens:
        """What it may cost at the most, as the API estimates it when it admits a request."""
        prompt = -(-self.size // BYTES_PER_TOKEN)
        if self.path not in {_PREFIX + _CHAT, _PREFIX + _RESPONSES}:
            return Tokens(prompt)
        limits = [self.body.get(name) for name in _TOKEN_LIMITS]
        most = next((limit for limit in limits if isinstance(limit, int)), None)
        return Tokens(prompt, DEFAULT_COMPLETION_TOKENS if most is None else most)


@final
@attrs.frozen(kw_only=True)
class Shape:
    """What all requests of a run have in common.

    Attributes:
        model: Who is asked instead of whom the lines name; None for these.
        overrides: Parameters that win over the lines'.
        stream: Whether answers of chat completions are asked for as event streams; a line may ask
            for it, too.
    """

    model: str | None = None
    overrides: tuple[Override, ...] = ()
    stream: bool = False

    def request(self, line: int, fields: Mapping[str, Any]) -> RunRequest:
        """The request of a line: an object of the batch format, or one with a `prompt`.

        Args:
            line: Its number, from 1; a prompt without `custom_id` is called after it.
            fields: The line, decoded.

        Raises:
            InvalidRequestError: It is not valid; the message does not have the line's number.
        """
        if "prompt" in fields and "body" not in fields:
            fields = _from_prompt(line, fields)
        url = fields.get("url")
        if isinstance(url, str):
            url = url.removeprefix(_PREFIX)
        is_chat = url == _CHAT
        body = fields.get("body")
        stream: object = False
        if isinstance(body, Mapping):
            body = self._overridden(body)
            stream = body.pop("stream", None) or (self.stream and is_chat)
        known = {"custom_id", "method", "url"}
        checked = {name: fields[name] for name in known & fields.keys()}
        if url is not None:
            checked["url"] = url
        if body is not None:
            checked["body"] = body
        size = len(write_batch_line(checked))  # type: ignore[arg-type]  # the check is what it is called for
        assert isinstance(url, str)  # noqa: S101 (checked just now, as the next)
        assert isinstance(body, dict)  # noqa: S101
        if not _URL.fullmatch(url):
            raise InvalidRequestError(
                f"url: expected a path of the API such as {_CHAT!r}, got {url!r}",
                path="url",
                value=url,
            )
        if not isinstance(stream, bool) or (stream and not is_chat):
            raise InvalidRequestError(
                f"body.stream: expected true for {_CHAT} alone, or false, got {stream!r} for {url}",
                path="body.stream",
                value=stream,
            )
        custom_id: str = fields["custom_id"]
        return RunRequest(
            line=line,
            custom_id=custom_id,
            path=_PREFIX + url,
            body=body,
            streamed=stream,
            digest=digest_of(custom_id, url, body),
            size=size,
        )

    def _overridden(self, body: Mapping[str, Any]) -> dict[str, Any]:
        body = dict(body)
        if self.model is not None:
            body["model"] = self.model
        for override in self.overrides:
            body = override.applied(body)
        return body


def _from_prompt(line: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A line with a prompt in the batch format; what else it has are parameters."""
    body = dict(fields)
    prompt = body.pop("prompt")
    custom_id = body.pop("custom_id", f"line-{line}")
    if not isinstance(prompt, str):
        raise InvalidRequestError(
            f"prompt: expected text, got {type(prompt).__name__}", path="prompt", value=prompt
        )
    if "messages" in body:
        raise InvalidRequestError("messages: expected none beside a prompt, got some")
    body["messages"] = [{"role": "user", "content": prompt}]
    return {"custom_id": custom_id, "method": "POST", "url": _CHAT, "body": body}
