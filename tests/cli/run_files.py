"""Inputs of runs, what their outputs hold, and requests and outcomes made by hand."""

from pathlib import Path
from typing import Any

import msgspec

from trio_groq.cli._run_requests import RunRequest, Shape, Tokens
from trio_groq.cli._run_results import Outcome, result_line

MODEL = "llama-3.1-8b-instant"
SHAPE = Shape()


def prompt_line(custom_id: str, text: str = "Hello", **more: Any) -> bytes:
    fields = {"custom_id": custom_id, "prompt": text, "model": MODEL, "stop": "\n", **more}
    return msgspec.json.encode(fields) + b"\n"


def prompt_lines(count: int) -> bytes:
    return b"".join(prompt_line(f"r{number}", str(number)) for number in range(count))


def request(custom_id: str = "r", text: str = "Hello", line: int = 1, **more: Any) -> RunRequest:
    fields = msgspec.json.decode(prompt_line(custom_id, text, **more))
    return SHAPE.request(line, fields)


def answer(text: str = "fine", prompt: int = 3, completion: int = 4) -> Outcome:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    body = {"model": MODEL, "usage": usage, "choices": [{"message": {"content": text}}]}
    return Outcome(
        status=200,
        request_id="req_1",
        body=msgspec.json.encode(body),
        tokens=Tokens(prompt, completion),
    )


def failure(status: int = 400) -> Outcome:
    return Outcome(status=status, body=b'{"error":{"message":"no"}}')


def line_of(custom_id: str, text: str = "Hello", outcome: Outcome | None = None) -> bytes:
    return result_line(request(custom_id, text), outcome or answer())


def lines_in(path: Path) -> list[dict[str, Any]]:
    """The lines of an output, every one of them whole; none if there is no file."""
    if not path.exists():
        return []
    data = path.read_bytes()
    assert data.endswith(b"\n")
    return [msgspec.json.decode(line) for line in data.splitlines()]


def ids_in(path: Path) -> list[str]:
    return [line["custom_id"] for line in lines_in(path)]


def texts_in(path: Path) -> dict[str, str]:
    """What was answered to whom; nobody twice."""
    lines = lines_in(path)
    texts = {
        line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"]
        for line in lines
    }
    assert len(texts) == len(lines)
    return texts
