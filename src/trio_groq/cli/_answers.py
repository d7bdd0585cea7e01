"""One question to the client, its answer to the output."""

import json
from typing import Final

import attrs
import msgspec

from trio_groq.cli._output import Output
from trio_groq.cli._running import interruptible
from trio_groq.client import GroqClient
from trio_groq.types.chat_messages import ChatCompletionMessageParam
from trio_groq.types.chat_params import ChatCompletionCreateParams

__all__ = ["Answer", "Asker", "Style"]

_WHOLE: Final = frozenset({None, "stop"})
"""Finish reasons of an answer that ended by itself."""


@attrs.frozen(kw_only=True)
class Style:
    """How to ask, and how to show the answer.

    Attributes:
        temperature: 0.0 to 2.0; None leaves it to the API.
        max_tokens: Most tokens of an answer, None for the API's limit.
        as_json: Show the whole completion as one line of JSON.
        stream: Show the text while it is being written.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    as_json: bool = False
    stream: bool = True

    def params(
        self, model: str, messages: list[ChatCompletionMessageParam]
    ) -> ChatCompletionCreateParams:
        """The request's parameters."""
        params: ChatCompletionCreateParams = {"model": model, "messages": messages}
        if self.temperature is not None:
            params["temperature"] = self.temperature
        if self.max_tokens is not None:
            params["max_completion_tokens"] = self.max_tokens
        return params


@attrs.define
class Answer:
    """An answer, as far as it has come.

    Attributes:
        pieces: The text so far, in pieces.
        interrupted: Whether Ctrl-C ended it.
        ended_by: Why it ended early, such as `length`; None for an end of its own.
    """

    pieces: list[str] = attrs.Factory(list)
    interrupted: bool = False
    ended_by: str | None = None

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self.pieces)


@attrs.frozen
class Asker:
    """Asks a model.

    Attributes:
        client: Whom to ask.
        style: How.
        output: Where the answer is shown.
    """

    client: GroqClient
    style: Style
    output: Output

    async def ask(
        self, model: str, messages: list[ChatCompletionMessageParam], answer: Answer
    ) -> None:
        """Ask, and show the answer; it ends its line. Ctrl-C ends the answer, and nothing else.

        Args:
            model: Who answers.
            messages: The conversation.
            answer: Has what came, even when this raises.

        Raises:
            GroqError: The call failed, or broke off.
        """
        params = self.style.params(model, messages)
        show = self._stream if self.style.stream and not self.style.as_json else self._whole
        try:
            async with interruptible() as scope:
                await show(params, answer)
        finally:
            self.output.end_line()
        answer.interrupted = scope.cancelled_caught

    async def _stream(self, params: ChatCompletionCreateParams, answer: Answer) -> None:
        async with self.client.chat.completions.stream(**params) as stream:
            # A write for each receive: what came together is shown together.
            async for batch in stream.batches():
                choices = [choice for chunk in batch for choice in chunk.choices]
                text = "".join(choice.delta.content or "" for choice in choices)
                answer.pieces.append(text)
                self.output.write(text)
                for choice in choices:
                    answer.ended_by = _early(choice.finish_reason) or answer.ended_by

    async def _whole(self, params: ChatCompletionCreateParams, answer: Answer) -> None:
        completion = await self.client.chat.completions.create(**params)
        for choice in completion.choices[:1]:
            answer.pieces.append(choice.message.content or "")
            answer.ended_by = _early(choice.finish_reason)
        if self.style.as_json:
            # Plain ASCII: no terminal obeys it, and every encoding has it.
            self.output.line(json.dumps(msgspec.to_builtins(completion)))
        else:
            self.output.write(answer.text)


def _early(finish_reason: str | None) -> str | None:
    return None if finish_reason in _WHOLE else finish_reason
