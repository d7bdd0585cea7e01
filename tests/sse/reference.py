"""The WHATWG event-stream algorithm, slow and literal: what the parser is compared with.

It takes the whole stream at once, decodes it by the standard's own decoder, and then works on text,
line by line, in the order in which the standard tells it.
"""

import re
from dataclasses import dataclass, field


@dataclass
class Result:
    events: list[tuple[str, str, str, int | None]] = field(default_factory=list)
    last_event_id: str = ""
    reconnection_time: int | None = None


def decode_utf8(data: bytes) -> str:
    """The UTF-8 decoder of the Encoding Standard, which leaves a BOM in."""
    text: list[str] = []
    code_point = seen = needed = 0
    lower, upper = 0x80, 0xBF
    position = 0
    while position < len(data):
        byte = data[position]
        position += 1
        if needed == 0:
            if byte <= 0x7F:
                text.append(chr(byte))
            elif 0xC2 <= byte <= 0xDF:
                needed, code_point = 1, byte & 0x1F
            elif 0xE0 <= byte <= 0xEF:
                lower = 0xA0 if byte == 0xE0 else lower
                upper = 0x9F if byte == 0xED else upper
                needed, code_point = 2, byte & 0xF
            elif 0xF0 <= byte <= 0xF4:
                lower = 0x90 if byte == 0xF0 else lower
                upper = 0x8F if byte == 0xF4 else upper
                needed, code_point = 3, byte & 0x7
            else:
                text.append("\ufffd")
            continue
        in_range = lower <= byte <= upper
        lower, upper = 0x80, 0xBF
        if not in_range:
            code_point = needed = seen = 0
            position -= 1
            text.append("\ufffd")
            continue
        code_point = code_point << 6 | byte & 0x3F
        seen += 1
        if seen == needed:
            text.append(chr(code_point))
            code_point = needed = seen = 0
    if needed:
        text.append("\ufffd")
    return "".join(text)


def interpret(stream: bytes) -> Result:
    """What a whole stream dispatches, and what it leaves behind once it has ended."""
    text = decode_utf8(stream).removeprefix("\ufeff")
    *lines, _unfinished = re.split("\r\n|\n|\r", text)
    result = Result()
    data = event_type = last_event_id = ""
    retry: int | None = None
    for line in lines:
        if line == "":
            result.last_event_id = last_event_id
            if data != "":
                event = (event_type or "message", data.removesuffix("\n"), last_event_id, retry)
                result.events.append(event)
            data, event_type, retry = "", "", None
            continue
        if line.startswith(":"):
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            event_type = value
        elif name == "data":
            data += value + "\n"
        elif name == "id" and "\0" not in value:
            last_event_id = value
        elif name == "retry" and re.fullmatch("[0-9]+", value):
            result.reconnection_time = retry = int(value)
    return result
