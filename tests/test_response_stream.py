"""`ResponseStream`: its events, its ends, and what breaks it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from responding import (
    ASK,
    client_of,
    completed,
    delta,
    named,
    read,
    read_reply,
    resource_of,
    server_of,
)
from streaming import DONE, END, HEAD, chunked, event, sent
from trio_groq import ClientConfig, GroqClient, Timeouts
from trio_groq._api.accumulate_response import ResponseAccumulator
from trio_groq._response_stream import ResponseStream
from trio_groq.errors import (
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    ProtocolError,
    RateLimitError,
    StreamError,
)
from trio_groq.testing import FakeGroq, Fault, Reply, ToolCall
from trio_groq.types.responses_events import (
    ResponseCompletedEvent,
    ResponseCreatedEvent,
    ResponseFailedEvent,
    UnknownEvent,
)
from trio_groq.types.responses_text_events import ResponseTextDeltaEvent

CREATED = named("response.created", response={"id": "resp_1", "status": "in_progress"})

# -- its events


async def test_every_event_has_its_class() -> None:
    reply = Reply(content="a b", reasoning="c", tool_calls=[ToolCall("f", {"x": 1})])
    async with (
        server_of(reply) as server,
        client_of(server) as client,
        resource_of(client).stream(**ASK) as stream,
    ):
        events = [each async for each in stream]
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.reasoning_text.delta",
        "response.reasoning_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert not any(isinstance(each, UnknownEvent) for each in events)


async def test_views(fake_groq: FakeGroq) -> None:
    pieces = CREATED, delta("a"), delta(""), delta("b"), completed("ab")
    fake_groq.enqueue(sent(*pieces), sent(b"".join(pieces)))
    async with client_of(fake_groq) as client:
        async with resource_of(client).stream(**ASK) as stream:
            assert [text async for text in stream.text_deltas()] == ["a", "b"]
            assert stream.response_object.output_text == "ab"
        async with resource_of(client).stream(**ASK) as stream:
            (batch,) = [batch async for batch in stream.batches()]
    assert isinstance(batch[0], ResponseCreatedEvent)
    assert isinstance(batch[-1], ResponseCompletedEvent)
    assert len(batch) == 5


async def test_the_response_as_it_comes(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(CREATED, delta("a"), delta("b"), completed("ab", model="m2")))
    async with client_of(fake_groq) as client:
        async with resource_of(client).stream(**ASK) as stream:
            seen = []
            async for _ in stream:
                whole = stream.response_object
                seen.append((whole.id, whole.status, whole.output_text))
            assert seen == [
                ("resp_1", "in_progress", ""),
                ("resp_1", "in_progress", "a"),
                ("resp_1", "in_progress", "ab"),
                ("resp_1", "completed", "ab"),
            ]
        assert stream.response_object.model == "m2"
        assert stream.meta == stream.response
        assert stream.meta.request_id == "req_1"
        assert "done" in repr(stream)


async def test_unknown_kinds_pass(fake_groq: FakeGroq) -> None:
    item = {"type": "quantum_call", "id": "q", "qubits": None}
    fake_groq.enqueue(
        sent(
            named("response.quantum.delta", spin=None, sequence_number=0),
            named("response.output_item.added", output_index=0, item=item),
            completed(output=[item]),
        )
    )
    async with client_of(fake_groq) as client, resource_of(client).stream(**ASK) as stream:
        first = await anext(stream)
        response = await stream.until_done()
    assert first == {"type": "response.quantum.delta", "spin": None, "sequence_number": 0}
    assert isinstance(first, UnknownEvent)
    assert first.type == "response.quantum.delta"
    assert response.output == [item]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"delta": "a"}, id="type-only-in-the-name"),
        pytest.param(
            {"type": "response.output_text.delta", "delta": "a", "item_id": None}, id="null"
        ),
        pytest.param(
            {"type": "response.output_text.delta", "delta": "a", "output_index": 0.0}, id="float"
        ),
    ],
)
async def test_what_is_not_quite_right_is_read(fake_groq: FakeGroq, data: object) -> None:
    reply = sent(event(data, "response.output_text.delta"), completed())
    assert await read_reply(fake_groq, reply) == ("a", None)


async def test_the_name_of_the_event_is_not_needed(fake_groq: FakeGroq) -> None:
    kind = "response.output_text.delta"
    reply = sent(event({"type": kind, "delta": "a"}), event({"news": 1}), completed())
    assert await read_reply(fake_groq, reply) == ("a", None)


# -- clean ends


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([CREATED, delta("a"), delta("b"), completed("ab")], id="chunk-each"),
        pytest.param([CREATED + delta("a") + delta("b") + completed("ab")], id="one-chunk"),
        pytest.param([delta("a"), b": ping\n\n", delta("b"), completed("ab")], id="comment"),
        pytest.param([delta("a"), delta("b"), completed("ab"), DONE], id="then-done"),
        pytest.param([delta("a"), delta("b"), completed("ab") + DONE], id="with-done"),
        pytest.param([delta("a"), delta("b"), DONE], id="only-done"),
        pytest.param([delta("a"), delta("b"), completed() + delta("c"), delta("d")], id="junk"),
        pytest.param(
            [delta("a"), delta("b"), named("response.incomplete", response={})], id="incomplete"
        ),
        pytest.param([delta("a"), delta("b"), named("response.failed", response={})], id="failed"),
    ],
)
async def test_clean_ends_keep_the_connection(fake_groq: FakeGroq, pieces: list[bytes]) -> None:
    fake_groq.enqueue(sent(*pieces))
    async with client_of(fake_groq) as client:
        stream = resource_of(client).stream(**ASK)
        assert await read(stream) == ("ab", None)
        assert client.pool.statistics().idle == 1
        assert stream.response_object.output_text == "ab"
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_a_failed_response_is_handed_out(fake_groq: FakeGroq) -> None:
    error = {"code": "server_error", "message": "m"}
    failed = named("response.failed", response={"status": "failed", "error": error})
    fake_groq.enqueue(sent(CREATED, failed))
    async with client_of(fake_groq) as client, resource_of(client).stream(**ASK) as stream:
        last = [each async for each in stream][-1]
    assert isinstance(last, ResponseFailedEvent)
    assert stream.response_object.status == "failed"
    assert stream.response_object.error is not None
    assert stream.response_object.error.code == "server_error"


async def test_the_last_event_does_not_wait_for_the_drain(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(sent(delta("a"), completed("a"), end=b""))
    async with client_of(fake_groq) as client:
        async with resource_of(client).stream(**ASK) as stream:
            started = trio.current_time()
            await anext(stream)
            await anext(stream)
            assert trio.current_time() == started
            with pytest.raises(StopAsyncIteration):
                await anext(stream)
            assert trio.current_time() == started + 0.25
        assert client.pool.statistics().open == 0


@pytest.mark.parametrize(
    "end", [b"zz\r\n", b"0\r\nno trailer\r\n\r\n", b"ffff\r\n" + b"x" * 20_000]
)
async def test_a_broken_end_is_no_error(
    fake_groq: FakeGroq, autojump_clock: MockClock, end: bytes
) -> None:
    fake_groq.enqueue(sent(delta("a"), completed("a"), end=end))
    async with client_of(fake_groq) as client:
        assert await read(resource_of(client).stream(**ASK)) == ("a", None)
        assert client.pool.statistics().open == 0


@pytest.mark.parametrize(("size", "idle"), [(100, 1), (40_000, 0)])
async def test_what_comes_after_the_end_is_drained_within_bounds(
    fake_groq: FakeGroq, size: int, idle: int
) -> None:
    begun = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(delta("a"), completed("a"))
    wire = begun + chunked(b": junk" + b"x" * size) + END
    fake_groq.enqueue(Reply.raw(wire, fault=Fault.split([len(begun), size // 2])))
    async with client_of(fake_groq) as client:
        assert await read(resource_of(client).stream(**ASK)) == ("a", None)
        assert client.pool.statistics().idle == idle


@pytest.mark.parametrize("size", [1, 7, 64])
async def test_any_cut_gives_the_same(fake_groq: FakeGroq, size: int) -> None:
    wire = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    wire += chunked(delta("ä"), delta("€"), completed("ä€")) + END
    reply = Reply.raw(wire, fault=Fault.split([size] * (len(wire) // size)))
    assert await read_reply(fake_groq, reply) == ("ä€", None)


# -- what breaks it


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(sent(delta("a"), delta("b"), close=True), id="ended-early"),
        pytest.param(sent(delta("a"), delta("b"), end=b"", close=True), id="cut"),
        pytest.param(sent(delta("a"), delta("b"), completed()[:20], close=True), id="in-an-event"),
        pytest.param(sent(delta("a"), delta("b"), end=b"zz\r\n"), id="bad-framing"),
        pytest.param(
            Reply.raw(HEAD + b"\r\n" + delta("a") + delta("b"), close=True), id="until-close"
        ),
    ],
)
async def test_a_stream_that_is_cut_is_an_error_with_what_had_come(
    fake_groq: FakeGroq, reply: Reply
) -> None:
    got, error = await read_reply(fake_groq, reply)
    assert got == "ab"
    assert isinstance(error, StreamError)
    assert "expected the end of the response" in str(error)
    assert error.is_retryable
    assert error.partial.output_text == "ab"
    assert error.request_id == "req_1"
    assert error.request is not None
    assert error.request.url.endswith("/openai/v1/responses")
    assert len(fake_groq.requests) == 1


@pytest.mark.parametrize(
    ("piece", "kind", "status"),
    [
        pytest.param(
            event({"error": {"message": "m", "status_code": 400}}, "error"),
            BadRequestError,
            400,
            id="event-error",
        ),
        pytest.param(
            event({"type": "error", "code": "rate_limit_exceeded", "message": "m"}),
            RateLimitError,
            429,
            id="type-error",
        ),
        pytest.param(
            named("error", code="rate_limit_exceeded", message="m", sequence_number=3),
            RateLimitError,
            429,
            id="both",
        ),
        pytest.param(b"event: error\ndata: no JSON\n\n", APIStatusError, 500, id="text"),
        pytest.param(event({"error": {"message": "m"}}), APIStatusError, 500, id="in-data"),
        pytest.param(
            event({"type": "error", "error": {"message": "m", "status_code": 400}, "code": None}),
            BadRequestError,
            400,
            id="nested",
        ),
    ],
)
async def test_an_error_in_the_stream_is_the_api_s(
    fake_groq: FakeGroq, piece: bytes, kind: type[APIStatusError], status: int
) -> None:
    got, error = await read_reply(fake_groq, sent(delta("a") + delta("b") + piece + delta("junk")))
    assert got == "ab"
    assert isinstance(error, kind)
    assert error.status_code == status
    assert error.partial.output_text == "ab"
    assert error.request_id == "req_1"


async def test_a_scripted_error_in_the_stream() -> None:
    reply = Reply(content="a b c", error_event={"message": "m"}, error_after=2)
    async with server_of(reply) as server, client_of(server) as client:
        got, error = await read(resource_of(client).stream(**ASK))
    assert got == "a b"
    assert isinstance(error, APIStatusError)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"{", id="cut"),
        pytest.param(b"no JSON", id="text"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"type":"response.output_text.delta","delta":5}', id="wrong-type"),
        pytest.param(b'{"type":"response.output_text.delta","delta":"\xff"}', id="not-utf8"),
        pytest.param(b'{"new":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep"),
    ],
)
async def test_an_event_that_cannot_be_read(fake_groq: FakeGroq, data: bytes) -> None:
    wrong = b"data: " + data + b"\n\n"
    got, error = await read_reply(fake_groq, sent(delta("a") + delta("b") + wrong + delta("junk")))
    assert got == "ab"
    assert isinstance(error, APIResponseValidationError)
    assert error.partial.output_text == "ab"
    assert error.__cause__ is not None
    assert len(str(error)) < 1000
    assert "expected an event of a response" in str(error)


async def test_an_event_that_is_too_large(fake_groq: FakeGroq) -> None:
    config = ClientConfig(api_key="gsk_test", base_url=fake_groq.url, max_event_bytes=1000)
    fake_groq.enqueue(sent(delta("a"), delta("x" * 2000)), sent(delta("a") + delta("x" * 2000)))
    async with GroqClient(config=config) as client:
        for _ in range(2):
            got, error = await read(resource_of(client).stream(**ASK))
            assert got == "a"
            assert isinstance(error, ProtocolError)
            assert "at most 1000 bytes" in str(error)
            assert error.partial.output_text == "a"


async def read_batches(stream: ResponseStream) -> tuple[str, Any]:
    try:
        async with stream:
            return (await stream.until_done()).output_text, None
    except ProtocolError as error:
        return "", error


@pytest.mark.parametrize("read_it", [read, read_batches])
async def test_a_response_that_is_too_long(
    fake_groq: FakeGroq, read_it: Callable[[ResponseStream], Awaitable[tuple[str, Any]]]
) -> None:
    fake_groq.enqueue(sent(delta("a"), delta("b" * 5000), completed()))
    async with client_of(fake_groq) as client:
        stream = resource_of(client).stream(**ASK)
        stream._accumulator = stream._responses = ResponseAccumulator(max_characters=1000)
        _, error = await read_it(stream)
        assert client.pool.statistics().leased == 0
    assert isinstance(error, ProtocolError)
    assert "at most 1000 characters" in str(error)
    assert error.partial is not None
    assert error.request_id == "req_1"


# -- limits


async def limited(server: FakeGroq, reply: Reply, timeouts: Timeouts) -> tuple[str, Any, float]:
    started = trio.current_time()
    got, error = await read_reply(server, reply, timeout=timeouts, max_retries=0)
    return got, error, trio.current_time() - started


async def test_the_gap_between_events(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    reply = sent(delta("a"), end=b"")
    got, error, after = await limited(fake_groq, reply, Timeouts(read=4.5))
    assert (got, after) == ("a", 4.5)
    assert isinstance(error, APITimeoutError)
    assert (error.phase, error.limit, error.partial.output_text) == ("read", 4.5, "a")


async def test_an_announcement_is_no_first_token(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    timeouts = Timeouts(first_token=2.0, read=5.0)
    announced = CREATED + named("response.output_item.added", item={"type": "message"})
    _, error, after = await limited(fake_groq, sent(announced, end=b""), timeouts)
    assert after == 2.0
    assert isinstance(error, APITimeoutError)
    assert error.phase == "first_token"
    got, error, after = await limited(fake_groq, sent(CREATED, delta("a"), end=b""), timeouts)
    assert (got, after) == ("a", 5.0)
    assert error.phase == "read"


def test_a_piece_of_text_is_as_light_as_a_chunk() -> None:
    assert ResponseTextDeltaEvent.__struct_config__.gc is False
    assert ResponseTextDeltaEvent.__struct_config__.frozen
