"""Habits of servers, all of them right: one table of streams and one of plain answers.

All streams say `Hello there`, and all plain answers too.
"""

import gzip
import json
import zlib
from collections.abc import Callable

import attrs

from peers.raw_peer import BASE, DONE, Answer, chunk, completion, delta, event, head

__all__ = ["PLAIN", "STREAMS", "TEXT", "Habit"]

TEXT = "Hello there"
ROLE = delta("", role="assistant")
HELLO, THERE = delta("Hello"), delta(" there")
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
STOP = event(
    choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}],
    x_groq={"id": "req_1", "usage": USAGE},
)
EVENTS = [ROLE, HELLO, THERE, STOP, DONE]
WHOLE = b"".join(EVENTS)
CHUNKED = head("Transfer-Encoding: chunked")
LAST = chunk(b"")
PLAIN_HEAD = "Content-Type: application/json"


@attrs.frozen
class Habit:
    """An answer that is right, and what follows from it.

    Attributes:
        answer: What the server sends.
        reused: Whether the next request goes over the same connection.
        tokens: `total_tokens` of the usage; None without usage.
    """

    answer: Answer
    reused: bool = True
    tokens: int | None = 5


def stream(
    *packets: bytes, reused: bool = True, close: bool = False, tokens: int | None = 5
) -> Habit:
    return Habit(Answer(packets, close), reused, tokens)


def in_chunks(*parts: bytes, first: bytes = CHUNKED) -> Habit:
    """Each of these is a chunk and a packet."""
    return stream(first, *[chunk(part) for part in parts], LAST)


def sized(size: str, data: bytes = WHOLE) -> Habit:
    """One chunk, its size in this notation."""
    notation = size.format(len(data)).encode()
    return stream(CHUNKED, notation + b"\r\n" + data + b"\r\n" + LAST)


def padded(size: int) -> bytes:
    """The stream with a comment in front, so many bytes long."""
    return b":" + b"." * (size - len(WHOLE) - 3) + b"\n\n" + WHOLE


def spaced(data: bytes) -> bytes:
    """The events' JSON with spaces, keys in reverse, escapes for what need not be escaped."""
    blocks = []
    for block in data.split(b"\n\n")[:-2]:
        fields = json.loads(block.removeprefix(b"data: "))
        text = json.dumps(dict(reversed(fields.items())), separators=(" ,\t", " : "))
        blocks.append(b"data:  " + text.replace("H", "\\u0048").encode() + b" \n\n")
    return b"".join(blocks) + DONE


def without(name: str, data: bytes) -> bytes:
    """The events without this member of their choices."""
    blocks = []
    for block in data.split(b"\n\n")[:-2]:
        fields = json.loads(block.removeprefix(b"data: "))
        for choice in fields["choices"]:
            if choice.get(name) is None:
                choice.pop(name, None)
        blocks.append(b"data: " + json.dumps(fields).encode() + b"\n\n")
    return b"".join(blocks) + DONE


def usage_apart(**choices: object) -> Habit:
    """Usage in a chunk of its own, after the one with the finish reason."""
    fields = {**BASE, **choices, "usage": USAGE}
    apart = b"data: " + json.dumps(fields).encode() + b"\n\n"
    return in_chunks(ROLE, HELLO, THERE, delta(finish="stop"), apart, DONE)


def merged(size: int) -> Habit:
    """A proxy that fills its buffer before it sends one, and cuts events wherever it is full."""
    return in_chunks(*[WHOLE[at : at + size] for at in range(0, len(WHOLE), size)])


def compressed(coding: str, make: Callable[[], "zlib._Compress"]) -> Habit:
    """Compressed, flushed after each event."""
    machine = make()
    parts = [machine.compress(item) + machine.flush(zlib.Z_SYNC_FLUSH) for item in EVENTS]
    first = head("Transfer-Encoding: chunked", f"Content-Encoding: {coding}")
    return in_chunks(*parts, machine.flush(), first=first)


STREAMS: dict[str, Habit] = {
    "hex in lower case": sized("{:x}"),
    "hex in upper case": sized("{:X}"),
    "hex in both cases": stream(CHUNKED, b"aBc\r\n" + padded(0xABC) + b"\r\n" + LAST),
    "hex with leading zeros": sized("000{:x}"),
    "a chunk extension": sized('{:x};name=value;other="a b"'),
    "empty reason phrase": in_chunks(
        *EVENTS, first=head("Transfer-Encoding: chunked", status="200 ")
    ),
    "a reason phrase of its own": in_chunks(
        *EVENTS, first=head("Transfer-Encoding: chunked", status="200 Caf\xe9 OK")
    ),
    "head flushed alone": in_chunks(WHOLE),
    "head in two packets": stream(CHUNKED[:9], CHUNKED[9:], chunk(WHOLE), LAST),
    "one event per chunk": in_chunks(*EVENTS),
    "many events per chunk": in_chunks(ROLE + HELLO, THERE + STOP + DONE),
    "an event over several chunks": in_chunks(ROLE, HELLO[:30], HELLO[30:] + THERE, STOP + DONE),
    "a chunk ends between the two line ends of an event": in_chunks(
        ROLE[:-1], b"\n" + HELLO[:-1], b"\n" + THERE + STOP, DONE[:-1], b"\n"
    ),
    "everything in one packet": stream(CHUNKED + b"".join(map(chunk, EVENTS)) + LAST),
    "several chunks and the terminator in one packet": stream(
        CHUNKED + chunk(ROLE), b"".join(map(chunk, EVENTS[1:])) + LAST
    ),
    "last chunk and [DONE] in packets of their own": stream(
        CHUNKED, b"".join(map(chunk, EVENTS[:3])), chunk(STOP), chunk(DONE), LAST
    ),
    "the terminator in three packets": stream(CHUNKED, chunk(WHOLE)[:-1], b"\n0", b"\r\n\r", b"\n"),
    "a proxy that merges chunks": merged(400),
    "a proxy with a small buffer": merged(7),
    "trailers": stream(CHUNKED, chunk(WHOLE), b"0\r\nServer-Timing: a;dur=1\r\nX-B: c\r\n\r\n"),
    "early hints": stream(
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", CHUNKED, chunk(WHOLE), LAST
    ),
    "Keep-Alive: timeout=5": in_chunks(
        *EVENTS,
        first=head("Transfer-Encoding: chunked", "Connection: keep-alive", "Keep-Alive: timeout=5"),
    ),
    "repeated fields": in_chunks(
        *EVENTS,
        first=head(
            "Transfer-Encoding: chunked", "Set-Cookie: a=b", "Set-Cookie: c=d", "Via: 1.1 x"
        ),
    ),
    "field names in upper case": in_chunks(
        *EVENTS, first=head("TRANSFER-ENCODING: CHUNKED", "VARY:Origin")
    ),
    "content type with parameters": in_chunks(
        *EVENTS,
        first=head("Transfer-Encoding: chunked", content_type="Text/Event-Stream ;charset=UTF-8"),
    ),
    "no content type": in_chunks(
        *EVENTS, first=head("Transfer-Encoding: chunked", content_type=None)
    ),
    "JSON with spaces, keys in any order": in_chunks(spaced(WHOLE)),
    "finish_reason absent until the last": in_chunks(without("finish_reason", WHOLE)),
    "no role in the first delta": in_chunks(HELLO, THERE, STOP, DONE),
    "no first delta but content null": in_chunks(
        event(choices=[{"index": 0, "delta": {"role": "assistant", "content": None}}]),
        HELLO,
        THERE,
        STOP,
        DONE,
    ),
    "finish reason with the last token": in_chunks(
        ROLE, HELLO, delta(" there", finish="stop"), event(choices=[], usage=USAGE), DONE
    ),
    "usage with empty choices": usage_apart(choices=[]),
    "usage without choices": usage_apart(),
    "usage with choices null": usage_apart(choices=None),
    "usage beside a choice": usage_apart(
        choices=[{"index": 0, "delta": {}, "finish_reason": None}]
    ),
    "usage null in every chunk, none at the end": Habit(
        Answer(
            [
                CHUNKED,
                chunk(event(choices=[{"index": 0, "delta": {"content": TEXT}}], usage=None)),
                chunk(
                    event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], usage=None)
                ),
                chunk(DONE),
                LAST,
            ]
        ),
        tokens=None,
    ),
    "comments as keep-alive": in_chunks(
        b": OPENROUTER PROCESSING\n\n",
        ROLE,
        b":\n\n",
        b": ping\n" + HELLO,
        b":\n",
        THERE,
        STOP,
        DONE,
    ),
    "lines end with CRLF": in_chunks(*[item.replace(b"\n", b"\r\n") for item in EVENTS]),
    "lines end with CR": in_chunks(*[item.replace(b"\n", b"\r") for item in EVENTS]),
    "no space after the colon": in_chunks(WHOLE.replace(b"data: ", b"data:")),
    "a byte order mark": in_chunks(b"\xef\xbb", b"\xbf" + WHOLE),
    "ids, retry and unknown fields": in_chunks(
        b"retry: 3000\nid: 1\n" + ROLE,
        b"id: 2\nfoo: bar\nevent: message\n" + HELLO,
        THERE,
        STOP,
        DONE,
    ),
    "an event of a new kind": in_chunks(
        ROLE, b"event: ping\ndata: {}\n\n", HELLO, THERE, STOP, DONE
    ),
    "no [DONE] after the finish reason": in_chunks(ROLE, HELLO, THERE, STOP),
    "[DONE] without its blank line": stream(CHUNKED, chunk(WHOLE[:-1]), LAST),
    "comments after [DONE]": in_chunks(*EVENTS, b": bye\n\n"),
    "framed by length": stream(head(f"Content-Length: {len(WHOLE)}"), *EVENTS),
    "framed by length, in one packet": stream(head(f"Content-Length: {len(WHOLE)}") + WHOLE),
    "until the connection ends": stream(head(), *EVENTS, reused=False, close=True),
    "HTTP/1.0": stream(head().replace(b"HTTP/1.1", b"HTTP/1.0"), *EVENTS, reused=False, close=True),
    "Connection: close": stream(
        head("Transfer-Encoding: chunked", "Connection: close"),
        *map(chunk, EVENTS),
        LAST,
        reused=False,
        close=True,
    ),
    "closes without having said so": stream(
        CHUNKED, *map(chunk, EVENTS), LAST, reused=False, close=True
    ),
    "gzip, each event flushed": compressed("gzip", lambda: zlib.compressobj(6, wbits=31)),
    "x-gzip": compressed("x-gzip", lambda: zlib.compressobj(1, wbits=31)),
    "deflate": compressed("deflate", lambda: zlib.compressobj(6, wbits=15)),
    "deflate without its wrapper": compressed("deflate", lambda: zlib.compressobj(6, wbits=-15)),
    "gzip, each event a member": in_chunks(
        *map(gzip.compress, EVENTS),
        first=head("Transfer-Encoding: chunked", "Content-Encoding: gzip"),
    ),
    "gzip, framed by length": stream(
        head(f"Content-Length: {len(gzip.compress(WHOLE))}", "Content-Encoding: gzip")
        + gzip.compress(WHOLE)
    ),
    "gzip until the connection ends": stream(
        head("Content-Encoding: gzip"), gzip.compress(WHOLE), reused=False, close=True
    ),
    "Content-Encoding: identity": in_chunks(
        *EVENTS, first=head("Transfer-Encoding: chunked", "Content-Encoding: identity")
    ),
}


def plain(body: bytes, *fields: str, content_type: str | None = "application/json") -> Habit:
    first = head(*fields, f"Content-Length: {len(body)}", content_type=content_type)
    return stream(first, body)


BODY = completion(TEXT, usage=USAGE)
JSON_CHUNKED = head("Transfer-Encoding: chunked", content_type="application/json")

PLAIN: dict[str, Habit] = {
    "head and body in one packet": stream(
        head(f"Content-Length: {len(BODY)}", content_type="application/json") + BODY
    ),
    "head flushed alone": plain(BODY),
    "chunked": stream(JSON_CHUNKED, chunk(BODY[:20]), chunk(BODY[20:]), LAST),
    "chunked, in one packet": stream(JSON_CHUNKED + chunk(BODY) + LAST),
    "gzip": plain(gzip.compress(BODY), "Content-Encoding: gzip"),
    "until the connection ends": stream(
        head(content_type="application/json"), BODY, reused=False, close=True
    ),
    "closes after n requests": stream(
        head(f"Content-Length: {len(BODY)}", "Connection: close", content_type="application/json"),
        BODY,
        reused=False,
        close=True,
    ),
    "closes without having said so": stream(
        head(f"Content-Length: {len(BODY)}", content_type="application/json") + BODY,
        reused=False,
        close=True,
    ),
    "content type with charset": plain(BODY, content_type="application/json; charset=utf-8"),
    "another content type": plain(BODY, content_type="text/plain"),
    "no content type": plain(BODY, content_type=None),
    "white space around, keys in any order": plain(
        b" \r\n" + json.dumps(dict(reversed(json.loads(BODY).items())), indent=2).encode() + b"\n\n"
    ),
    "numbers as floats, null where a list was": plain(
        completion(TEXT, created=7.0, usage={**USAGE, "total_tokens": 5.0, "new": 1}, extra=None)
    ),
    "finish_reason null, no usage": attrs.evolve(
        plain(
            completion(choices=[{"index": 0, "message": {"content": TEXT}, "finish_reason": None}])
        ),
        tokens=None,
    ),
}
