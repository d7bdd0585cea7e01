"""Replies as bytes on the wire."""

import gzip
from typing import Any

import attrs
import h11
import pytest

from raw_http import PROMPT, sse_data
from trio_groq.errors import RateLimits, RateLimitWindow
from trio_groq.testing import Fault, RecordedRequest, Reply
from trio_groq.testing.beats import Beat, Ending, Gap
from trio_groq.testing.chat import Names
from trio_groq.testing.rendering import Persistence, go_duration, render

REPLY = Reply(content="one two three")


def asking(method: str = "POST", **params: Any) -> RecordedRequest:
    return RecordedRequest(
        method=method, path="/", json={**PROMPT, **params}, connection=1, received_at=0.0
    )


STREAM = asking(stream=True)


def score(
    reply: Reply, request: RecordedRequest = STREAM, persistence: Persistence | None = None
) -> list[Beat]:
    return list(render(reply, request, Names(1), persistence or Persistence()))


def wire(beats: list[Beat]) -> bytes:
    return b"".join(beat.data for beat in beats)


def parsed(data: bytes, method: str = "POST") -> tuple[h11.Response, bytes]:
    """Head and body as h11 reads them; the data ends the connection."""
    http = h11.Connection(h11.CLIENT)
    http.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    http.send(h11.EndOfMessage())
    http.receive_data(data)
    http.receive_data(b"")
    head = http.next_event()
    assert isinstance(head, h11.Response)
    body = bytearray()
    while isinstance(event := http.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    return head, bytes(body)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (1e-9, "1ns"),
        (0.0000015, "1.5us"),
        (0.25, "250ms"),
        (0.329999999, "329.999999ms"),
        (6, "6s"),
        (1.014, "1.014s"),
        (60, "1m0s"),
        (86.4, "1m26.4s"),
        (777.599999999, "12m57.599999999s"),
        (3600, "1h0m0s"),
        (6836.832, "1h53m56.832s"),
    ],
)
def test_durations_in_go_s_format(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


def test_a_stream_is_chunked_with_an_event_in_each_chunk() -> None:
    beats = score(REPLY)
    head, body = parsed(wire(beats))
    headers = dict(head.headers)
    assert headers[b"content-type"] == b"text/event-stream"
    assert headers[b"cache-control"] == b"no-cache"
    assert headers[b"transfer-encoding"] == b"chunked"
    assert headers[b"x-request-id"] == Names(1).request.encode()
    assert b"x-groq-region" in headers
    assert len(sse_data(body)) == 6
    chunks = beats[1:-1]
    assert [chunk.data.count(b"data: ") for chunk in chunks] == [1] * 6
    assert beats[-1] == Beat(b"0\r\n\r\n")


def test_a_plain_reply_states_its_length() -> None:
    head, body = parsed(wire(score(REPLY, asking())))
    headers = dict(head.headers)
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"content-length"] == b"%d" % len(body)
    assert headers[b"connection"] == b"keep-alive"
    assert head.reason == b"OK"


def test_the_same_reply_has_the_same_length_in_every_response() -> None:
    lengths = {
        len(wire(list(render(REPLY, STREAM, Names(serial), Persistence()))))
        for serial in range(1, 200)
    }
    assert len(lengths) == 1


@pytest.mark.parametrize("framing", ["chunked", "close", "content-length"])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
def test_every_framing_carries_the_same_body(framing: Any, compress: bool, streamed: bool) -> None:
    request = asking(stream=streamed)
    _, expected = parsed(wire(score(REPLY, request)))
    beats = score(attrs.evolve(REPLY, framing=framing, compress=compress), request)
    head, body = parsed(wire(beats))
    headers = dict(head.headers)
    assert (gzip.decompress(body) if compress else body) == expected
    assert headers.get(b"content-encoding") == (b"gzip" if compress else None)
    assert (b"transfer-encoding" in headers) == (framing == "chunked")
    assert (b"content-length" in headers) == (framing == "content-length")
    assert beats[-1].then is (Ending.CLOSE if framing == "close" else None)


def test_each_compressed_event_can_be_read_at_once() -> None:
    beats = score(attrs.evolve(REPLY, compress=True, framing="close"))
    assert len(beats) == 1 + 6 + 2  # head, events, end of the gzip stream, ending
    assert all(beat.data.endswith(b"\x00\x00\xff\xff") for beat in beats[1:7])


def test_events_may_share_chunks() -> None:
    beats = score(attrs.evolve(REPLY, events_per_chunk=4))
    assert [beat.data.count(b"data: ") for beat in beats[1:-1]] == [4, 2]
    assert parsed(wire(beats))[1] == parsed(wire(score(REPLY)))[1]


def test_events_may_share_writes() -> None:
    beats = score(attrs.evolve(REPLY, events_per_write=4, token_interval=0.5))
    assert [(beat.data.count(b"data: "), beat.delay, beat.gap) for beat in beats] == [
        (0, 0.0, Gap.MERGE),
        (4, 1.0, Gap.WRITE),
        (2, 0.0, Gap.WRITE),
        (0, 0.0, Gap.WRITE),
    ]


def test_a_write_holds_whole_chunks() -> None:
    beats = score(attrs.evolve(REPLY, events_per_chunk=2, events_per_write=5))
    assert [beat.data.count(b"data: ") for beat in beats] == [0, 4, 2, 0]


def test_pace_of_a_stream_and_of_a_plain_reply() -> None:
    reply = attrs.evolve(REPLY, head_delay=5.0, first_token_delay=2.0, tokens_per_second=4)
    assert [beat.delay for beat in score(reply)] == [5, 2, 0, 0.25, 0.25, 0, 0, 0]
    assert [beat.delay for beat in score(reply, asking())] == [5, 2.5]


def test_scripted_headers_replace_the_server_s() -> None:
    reply = Reply.json([], headers=[("Content-Type", "text/html"), ("x-a", "1"), ("x-a", "2")])
    head, body = parsed(wire(score(reply)))
    pairs = list(head.headers)
    assert body == b"[]"
    assert [value for name, value in pairs if name == b"content-type"] == [b"text/html"]
    assert [value for name, value in pairs if name == b"x-a"] == [b"1", b"2"]


def test_rate_limits_are_sent_as_the_api_sends_them() -> None:
    limits = RateLimits(
        requests=RateLimitWindow(limit=1000, remaining=999, reset_after=86.4),
        tokens=RateLimitWindow(remaining=0),
    )
    head, _ = parsed(wire(score(Reply(content="x", rate_limits=limits))))
    sent = {name: value for name, value in head.headers if name.startswith(b"x-ratelimit")}
    assert sent == {
        b"x-ratelimit-limit-requests": b"1000",
        b"x-ratelimit-remaining-requests": b"999",
        b"x-ratelimit-reset-requests": b"1m26.4s",
        b"x-ratelimit-remaining-tokens": b"0",
    }


def test_a_status_that_nobody_registered_has_no_phrase() -> None:
    assert wire(score(Reply.error(498, "full"))).startswith(b"HTTP/1.1 498 \r\n")


@pytest.mark.parametrize(
    ("request_", "reply"),
    [(asking("HEAD"), Reply.json([1])), (asking(), Reply.json([1], status=204))],
)
def test_some_responses_have_no_body(request_: RecordedRequest, reply: Reply) -> None:
    assert wire(score(reply, request_)).endswith(b"\r\n\r\n")


def test_a_plain_request_gets_an_error_event_as_a_response() -> None:
    reply = Reply(content="x", error_event={"message": "no", "status_code": 422}, head_delay=1.0)
    head, body = parsed(wire(score(reply, asking())))
    assert (head.status_code, body) == (422, b'{"error":{"message":"no"}}')
    head, _ = parsed(wire(score(Reply(error_event={"message": "no"}), asking())))
    assert head.status_code == 400


def test_a_client_of_http_1_0_gets_no_chunks() -> None:
    beats = score(REPLY, persistence=Persistence(keep_alive=False, chunked=False))
    head, body = parsed(wire(beats))
    assert b"transfer-encoding" not in dict(head.headers)
    assert dict(head.headers)[b"connection"] == b"close"
    assert sse_data(body)[-1] == "[DONE]"
    assert beats[-1].then is Ending.CLOSE


def test_a_raw_reply_is_sent_as_it_is() -> None:
    assert score(Reply.raw(b"\x00junk")) == [Beat(b"\x00junk")]
    assert score(Reply.raw(b"x", close=True)) == [Beat(b"x"), Beat(b"", then=Ending.CLOSE)]
    assert score(Reply.raw(b"x"), persistence=Persistence(keep_alive=False))[-1].then is (
        Ending.CLOSE
    )


def test_bytes_that_nobody_asked_for_come_after_the_response_and_its_faults() -> None:
    reply = attrs.evolve(
        Reply.raw(b"abc", fault=Fault.garbage(3, b"!")), hold_idle_data=b"more", close_after=True
    )
    assert score(reply)[-2:] == [Beat(b"more", gap=Gap.SETTLE), Beat(b"", then=Ending.CLOSE)]
    assert wire(score(reply)) == b"abc!more"
