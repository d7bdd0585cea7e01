"""What type checkers must accept of users, and what they must not. No test runs this.

Under `mypy --strict` an ignore that is not needed is an error, so the ignores below prove that
what is wrong is found.
"""

from typing import Any, Unpack, assert_type

from trio_groq.types import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionCreateParams,
    ChatCompletionMessageParam,
    ChatCompletionMessageToolCall,
    ChatCompletionToolParam,
    ResponseMeta,
)


def create(**params: Unpack[ChatCompletionCreateParams]) -> ChatCompletion:
    """Stands for all methods that take these parameters."""
    raise NotImplementedError


def accepted(prompt: str, schema: dict[str, Any]) -> None:
    create(model="m", messages=[{"role": "user", "content": "hi"}])
    create(model="m", messages=({"role": "user", "content": prompt},), temperature=1)
    create(
        model="m",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": prompt},
                    {"type": "image_url", "image_url": {"url": "data:...", "detail": "low"}},
                    {"type": "document", "document": {"data": {"a": 1}, "id": None}},
                ],
            },
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "c", "content": "42"},
            {"role": "function", "name": "f", "content": None},
        ],
        tools=[
            {"type": "function", "function": {"name": "f", "parameters": schema, "strict": True}},
            {"type": "browser_search"},
        ],
        tool_choice={"type": "function", "function": {"name": "f"}},
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
        stop=["a", "b"],
        temperature=None,
        service_tier="a-new-tier",
        search_settings={"include_domains": ["groq.com"], "country": None},
        compound_custom={"tools": {"enabled_tools": ["web_search"]}},
        documents=[
            {"source": {"type": "text", "text": "t"}},
            {"source": {"type": "json", "data": {}}},
        ],
        logit_bias={"5": -1},
        stream_options={"include_usage": True},
    )


def plain_dicts() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    create(model="m", messages=[{"role": "user", "content": "hi"}], tools=[tool])
    tools: list[dict[str, Any]] = [{"type": "code_interpreter"}]
    create(model="m", messages=[{"role": "user", "content": "hi"}], tools=tools)
    form: dict[str, Any] = {"type": "json_object"}
    create(model="m", messages=[{"role": "user", "content": "hi"}], response_format=form)


def conversation(tool: ChatCompletionToolParam) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": "Be brief."}]
    messages.append({"role": "user", "content": "hi"})
    completion = create(model="m", messages=messages, tools=[tool], tool_choice="required")
    message = completion.choices[0].message
    assert_type(message.content, str | None)
    messages.append(message)
    for call in message.tool_calls or []:
        assert_type(call, ChatCompletionMessageToolCall)
        assert_type(call.function.arguments, str)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "42"})
    create(model="m", messages=messages)


def shared_parameters() -> None:
    params: ChatCompletionCreateParams = {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "seed": 1,
    }
    create(**params)


def answers(completion: ChatCompletion, chunk: ChatCompletionChunk) -> None:
    assert_type(completion.choices[0].finish_reason, str | None)
    assert_type(completion.meta, ResponseMeta | None)
    assert_type(chunk.choices[0].delta.content or "", str)
    if completion.usage is not None:
        assert_type(completion.usage.total_tokens, int)


def refused() -> None:
    create(model="m")  # type: ignore[call-arg]
    create(messages=[{"role": "user", "content": "hi"}])  # type: ignore[call-arg]
    create(model="m", messages=[{"role": "user", "content": "hi"}], temprature=1)  # type: ignore[call-arg]
    create(model=5, messages=[{"role": "user", "content": "hi"}])  # type: ignore[arg-type]
    create(model="m", messages=[{"role": "user", "content": "hi"}], temperature="1")  # type: ignore[arg-type]
    create(model="m", messages=[{"role": "tool", "content": "hi"}])  # type: ignore[list-item]
    create(model="m", messages=[{"role": "user", "content": 5}])  # type: ignore[list-item]
    create(model="m", messages="hi")  # type: ignore[arg-type]
    create(model="m", messages=["hi"])  # type: ignore[list-item]
