"""The bytes that the load server sends, prebuilt: responses in the shape of Groq's.

Nothing here is costly while a client is being measured: a stream at full speed is one block of
bytes, a paced token is two constants around a stamp.
"""

from functools import lru_cache
from typing import Final

__all__ = [
    "DONE",
    "PLAIN",
    "STREAM_HEAD",
    "event",
    "first_chunk",
    "full_speed_stream",
    "last_chunk",
    "read_stamp",
    "token_event",
    "token_part",
]

_FIELDS: Final = (
    b"Date: Fri, 03 Jan 2025 12:00:00 GMT\r\n"
    b"Connection: keep-alive\r\n"
    b"Cache-Control: no-cache\r\n"
    b"vary: Origin, Accept-Encoding\r\n"
    b"x-groq-region: lo\r\n"
    b"x-ratelimit-limit-requests: 14400\r\n"
    b"x-ratelimit-limit-tokens: 18000\r\n"
    b"x-ratelimit-remaining-requests: 14399\r\n"
    b"x-ratelimit-remaining-tokens: 17985\r\n"
    b"x-ratelimit-reset-requests: 6s\r\n"
    b"x-ratelimit-reset-tokens: 49.999999ms\r\n"
    b"x-request-id: req_00000000000000000000000000\r\n"
    b"via: 1.1 proxy\r\n"
    b"strict-transport-security: max-age=15552000\r\n"
    b"Server: load\r\n"
)
STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    + _FIELDS
    + b"\r\n"
)

_START: Final = (
    b'{"id":"chatcmpl-00000000-0000-4000-8000-000000000000","object":"chat.completion.chunk",'
    b'"created":1735905600,"model":"llama-3.1-8b-instant","system_fingerprint":"fp_0000000000",'
    b'"choices":[{"index":0,"delta":'
)
_OPEN: Final = b',"logprobs":null,"finish_reason":null}]}'
_USAGE: Final = (
    b'"usage":{"queue_time":0.018,"prompt_tokens":36,"prompt_time":0.002,"completion_tokens":1000,'
    b'"completion_time":1.25,"total_tokens":1036,"total_time":1.252}'
)
_STAMP_DIGITS: Final = 16


def event(data: bytes) -> bytes:
    """One server-sent event in an HTTP chunk of its own."""
    payload = b"data: " + data + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def first_chunk() -> bytes:
    """The chunk with the role, which has no text."""
    delta = b'{"role":"assistant","content":""}'
    return event(
        _START + delta + _OPEN[:-1] + b',"x_groq":{"id":"req_00000000000000000000000000"}}'
    )


def token_event(text: bytes) -> bytes:
    """A chunk with a token's text, which is taken as JSON."""
    return event(_START + b'{"content":"' + text + b'"}' + _OPEN)


def token_part() -> tuple[bytes, bytes]:
    """What stands before and after a stamp of 16 hexadecimal digits."""
    before, _, after = token_event(b"?" * _STAMP_DIGITS).partition(b"?" * _STAMP_DIGITS)
    return before, after


def read_stamp(text: str) -> int:
    """The time in a stamped token: nanoseconds of the monotonic clock."""
    return int(text, 16)


def last_chunk() -> bytes:
    """The chunk with finish reason and usage."""
    return event(
        _START
        + b'{},"logprobs":null,"finish_reason":"stop"}],"x_groq":{"id":"req_0","usage":'
        + _USAGE.partition(b":")[2]
        + b"},"
        + _USAGE
        + b"}"
    )


DONE: Final = event(b"[DONE]") + b"0\r\n\r\n"

_WORDS: Final = (b" the", b" of", b" stream", b",", b" token", b" and", b" fast", b".", b"\\n\\n")


@lru_cache(maxsize=8)
def full_speed_stream(tokens: int) -> bytes:
    """A whole response: head, role, `tokens` chunks of some 260 bytes, usage, `[DONE]`."""
    words = [token_event(word) for word in _WORDS]
    body = b"".join(words[number % len(words)] for number in range(tokens))
    return STREAM_HEAD + first_chunk() + body + last_chunk() + DONE


def _plain() -> bytes:
    text = b" ".join([b"A sentence of the answer, as plain as they come."] * 20)
    body = (
        b'{"id":"chatcmpl-00000000-0000-4000-8000-000000000000","object":"chat.completion",'
        b'"created":1735905600,"model":"llama-3.1-8b-instant","choices":[{"index":0,"message":'
        b'{"role":"assistant","content":"' + text + b'"},"logprobs":null,"finish_reason":"stop"}],'
        b"" + _USAGE + b',"system_fingerprint":"fp_0000000000","x_groq":{"id":"req_0"}}'
    )
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n"
    return head % (len(body), _FIELDS) + body


PLAIN: Final = _plain()
