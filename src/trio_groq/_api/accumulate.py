"""Chunks become a completion: what the pieces of a stream amount to.

Cost is linear in the stream: texts are kept as lists of pieces, joined when somebody asks and kept
joined. Nearly every chunk has one choice with a piece of text and nothing else, and `add` sees to
those first; everything else goes through `_merge`, which knows all the fields.

Where a stream says a thing twice, the later word wins, except for what names the completion: its
id, time, model and fingerprint are those of the first chunk that tells.
"""

from typing import TYPE_CHECKING, TypeVar, final

import msgspec

from trio_groq.errors import ProtocolError
from trio_groq.types.chat import (
    Annotation,
    ChatCompletion,
    ChatCompletionMessage,
    ChatCompletionMessageToolCall,
    ChatCompletionTokenLogprob,
    Choice,
    ChoiceLogprobs,
    DebugData,
    FunctionCall,
    XGroq,
)
from trio_groq.types.chunks import (
    ChatCompletionChunk,
    ChoiceDelta,
    ChoiceDeltaFunctionCall,
    ChoiceDeltaToolCall,
    ChunkChoice,
    ChunkXGroq,
)
from trio_groq.types.executed_tools import ExecutedTool

if TYPE_CHECKING:
    from trio_groq.types.usage import CompletionUsage, UsageBreakdown

__all__ = ["MAX_COMPLETION_CHARACTERS", "Accumulator"]

MAX_COMPLETION_CHARACTERS = 64 * 1024 * 1024
"""Default limit of one completion. The longest answers of any model (131,072 tokens, some 600,000
characters) are a hundredth of it; a server that never stops is stopped before memory is gone."""

_ENTRY = 64
"""What each entry of a list weighs, in characters, besides its texts: empty ones are not free."""

_NOTHING = ChunkXGroq()

_R = TypeVar("_R", ChunkXGroq, DebugData, ExecutedTool)


def _joined(pieces: list[str]) -> str:
    """The text of `pieces`, which from then on are one."""
    if len(pieces) > 1:
        pieces[:] = ["".join(pieces)]
    return pieces[0] if pieces else ""


def _merged(old: _R | None, new: _R) -> _R:
    """`old` with what `new` tells; neither is changed."""
    if old is None:
        return new
    fields = {name: getattr(new, name) for name in new.__struct_fields__}
    told = {name: value for name, value in fields.items() if value is not None and value != ""}
    if isinstance(old, ChunkXGroq) and old.debug is not None and "debug" in told:
        told["debug"] = _merged(old.debug, told["debug"])
    return msgspec.structs.replace(old, **told)


class _Call:
    """A call of a tool or function as it grows."""

    __slots__ = ("arguments", "id", "name", "type")

    def __init__(self) -> None:
        self.id = ""
        self.type = "function"
        self.name = ""
        self.arguments: list[str] = []

    def add(self, piece: ChoiceDeltaToolCall) -> int:
        """Take in one piece; returns what it weighs, in characters."""
        self.id = piece.id or self.id
        self.type = piece.type or self.type
        return _ENTRY if piece.function is None else self.add_function(piece.function)

    def add_function(self, piece: ChoiceDeltaFunctionCall) -> int:
        """Take in one piece; returns what it weighs, in characters."""
        self.name = piece.name or self.name
        if piece.arguments:
            self.arguments.append(piece.arguments)
        return _ENTRY + len(piece.arguments or "")

    def function_call(self) -> FunctionCall:
        return FunctionCall(name=self.name, arguments=_joined(self.arguments))

    def tool_call(self) -> ChatCompletionMessageToolCall:
        return ChatCompletionMessageToolCall(
            id=self.id, type=self.type, function=self.function_call()
        )


@final
class _Choice:
    """One answer as it grows."""

    __slots__ = (
        "annotations",
        "content",
        "executed_tools",
        "finish_reason",
        "function",
        "logprobs",
        "reasoning",
        "role",
        "tool_calls",
    )

    def __init__(self) -> None:
        self.role = "assistant"
        self.content: list[str] = []
        self.reasoning: list[str] = []
        self.tool_calls: dict[int, _Call] = {}
        self.function: _Call | None = None
        self.executed_tools: dict[int, ExecutedTool] = {}
        self.annotations: list[Annotation] = []
        self.logprobs: list[ChatCompletionTokenLogprob] | None = None
        self.finish_reason: str | None = None

    def add(self, piece: ChunkChoice) -> int:
        """Take in one piece; returns what it weighs, in characters."""
        self.finish_reason = piece.finish_reason or self.finish_reason
        weight = self._add_delta(piece.delta)
        if piece.logprobs is not None:
            new = piece.logprobs.content or []
            self.logprobs = self.logprobs or []
            self.logprobs += new
            weight += _ENTRY * len(new)
        return weight

    def _add_delta(self, delta: ChoiceDelta) -> int:
        self.role = delta.role or self.role
        weight = 0
        for text, pieces in (delta.content, self.content), (delta.reasoning, self.reasoning):
            if text is not None:
                pieces.append(text)
                weight += len(text)
        if delta.function_call is not None:
            self.function = self.function or _Call()
            weight += self.function.add_function(delta.function_call)
        for call in delta.tool_calls or ():
            weight += self._call_of(call).add(call)
        for tool in delta.executed_tools or ():
            index = len(self.executed_tools) if tool.index is None else tool.index
            self.executed_tools[index] = _merged(self.executed_tools.get(index), tool)
            weight += _ENTRY + len(tool.output or "")
        self.annotations += delta.annotations or ()
        return weight + _ENTRY * len(delta.annotations or ())

    def _call_of(self, piece: ChoiceDeltaToolCall) -> _Call:
        """The call that `piece` belongs to.

        A piece without an index begins a call when it has an id that is not the last call's, or
        when there is no call yet; otherwise it goes on with the last one.
        """
        calls = self.tool_calls
        index = piece.index
        if index is None:
            index = next(reversed(calls), -1)
            if index < 0 or (piece.id and piece.id != calls[index].id):
                index = max(calls, default=-1) + 1
        call = calls.get(index)
        if call is None:
            call = calls[index] = _Call()
        return call

    def choice(self, index: int) -> Choice:
        """The answer as it is now."""
        calls = [call.tool_call() for _, call in sorted(self.tool_calls.items())]
        content = _joined(self.content)
        said = bool(content) or (bool(self.content) and not calls and self.function is None)
        return Choice(
            index=index,
            finish_reason=self.finish_reason,
            logprobs=None if self.logprobs is None else ChoiceLogprobs(content=[*self.logprobs]),
            message=ChatCompletionMessage(
                role=self.role,
                # As in answers that come whole: beside tool calls, no text is None, not "".
                content=content if said else None,
                reasoning=_joined(self.reasoning) or None,
                tool_calls=calls or None,
                executed_tools=[tool for _, tool in sorted(self.executed_tools.items())] or None,
                annotations=[*self.annotations] or None,
                function_call=None if self.function is None else self.function.function_call(),
            ),
        )


@final
class Accumulator:
    """Adds up the chunks of one stream.

    Args:
        max_characters: Most characters to hold in all; more is a `ProtocolError`.
    """

    __slots__ = (
        "_breakdown",
        "_choices",
        "_created",
        "_fingerprint",
        "_first",
        "_id",
        "_max_characters",
        "_model",
        "_room",
        "_service_tier",
        "_usage",
        "_x_groq",
    )

    def __init__(self, *, max_characters: int = MAX_COMPLETION_CHARACTERS) -> None:
        self._max_characters = self._room = max_characters
        self._choices: dict[int, _Choice] = {}
        self._first: _Choice | None = None  # of these, that of index 0: mostly the only one
        self._x_groq: ChunkXGroq | None = None
        self._id = self._model = ""
        self._created = 0
        self._fingerprint: str | None = None
        self._service_tier: str | None = None
        self._usage: CompletionUsage | None = None
        self._breakdown: UsageBreakdown | None = None

    @property
    def finished(self) -> bool:
        """Whether every answer that has begun has ended; False before any has begun."""
        choices = self._choices
        return bool(choices) and all(choice.finish_reason for choice in choices.values())

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take in the next chunk.

        Raises:
            ProtocolError: The completion is longer than the limit.
        """
        choices = chunk.choices
        if len(choices) == 1 and chunk.x_groq is None and chunk.usage is None:
            piece = choices[0]
            choice = self._choices.get(piece.index) if piece.index else self._first
            delta = piece.delta
            if (
                choice is not None
                and piece.finish_reason is None
                and delta.tool_calls is None
                and delta.role is None
                and piece.logprobs is None
                and delta.executed_tools is None
                and delta.annotations is None
                and delta.function_call is None
                and chunk.service_tier is None
                and chunk.usage_breakdown is None
            ):
                if (text := delta.content) is not None:
                    choice.content.append(text)
                    self._room -= len(text)
                if (text := delta.reasoning) is not None:
                    choice.reasoning.append(text)
                    self._room -= len(text)
                if self._room < 0:
                    self._too_long()
                return
        self._merge(chunk)

    def _merge(self, chunk: ChatCompletionChunk) -> None:
        """Take in a chunk of any kind."""
        self._id = self._id or chunk.id
        self._created = self._created or chunk.created
        self._model = self._model or chunk.model
        self._fingerprint = self._fingerprint or chunk.system_fingerprint
        self._service_tier = chunk.service_tier or self._service_tier
        self._usage = chunk.usage or self._usage
        self._breakdown = chunk.usage_breakdown or self._breakdown
        if chunk.x_groq is not None:
            self._x_groq = _merged(self._x_groq, chunk.x_groq)
        for piece in chunk.choices:
            choice = self._choices.get(piece.index)
            if choice is None:
                choice = self._choices[piece.index] = _Choice()
                self._first = self._choices.get(0)
                self._room -= _ENTRY
            self._room -= choice.add(piece)
        if self._room < 0:
            self._too_long()

    def _too_long(self) -> None:
        limit = self._max_characters
        raise ProtocolError(f"completion: expected at most {limit} characters, got more")

    @property
    def usage(self) -> "CompletionUsage | None":
        """What it cost, once that has come, in either of the two places."""
        return self._usage or (self._x_groq or _NOTHING).usage

    def completion(self) -> ChatCompletion:
        """The completion as far as it has come; a copy that later chunks do not change."""
        extra = self._x_groq or _NOTHING
        return ChatCompletion(
            id=self._id,
            choices=[choice.choice(index) for index, choice in sorted(self._choices.items())],
            created=self._created,
            model=self._model,
            system_fingerprint=self._fingerprint,
            usage=self.usage,
            usage_breakdown=self._breakdown or extra.usage_breakdown,
            service_tier=self._service_tier,
            x_groq=None
            if extra is _NOTHING
            else XGroq(id=extra.id, seed=extra.seed, debug=extra.debug),
        )
