import pytest

from trio_groq.sse.block import MAX_RETRY_DIGITS, Block


def block_of(*lines: bytes) -> Block:
    block = Block()
    for line in lines:
        block.line(line, memoryview(line), 0, len(line))
    return block


@pytest.mark.parametrize(
    ("lines", "size"),
    [
        ([], 0),
        ([b":comment", b"unknown: x", b"DATA: x"], 0),
        ([b"data"], 1),
        ([b"data: abc"], 4),
        ([b"data: abc", b"data:", b"data: d"], 7),
        ([b"event: long", b"event: xy"], 2),
        ([b"id: long", b"id: x", b"id: a\0b"], 1),
        ([b"id: x", b"event: yy", b"data: zzz", b"retry: 4"], 7),
    ],
)
def test_size_counts_what_is_held(lines: list[bytes], size: int) -> None:
    block = block_of(*lines)
    assert block.size == size
    block.end()
    assert block.size == 0


@pytest.mark.parametrize("line", [b":", b":comment", b"unknown: x", b"dat", b"data2: x", b" id: x"])
def test_ignored_lines_leave_it_empty(line: bytes) -> None:
    assert block_of(line).empty


@pytest.mark.parametrize("line", [b"data", b"event", b"id", b"retry: 1"])
def test_known_fields_fill_it(line: bytes) -> None:
    block = block_of(line)
    assert not block.empty
    block.end()
    assert block.empty


def test_own_frees_the_callers_memory() -> None:
    buffer = bytearray(b"data: abc")
    block = Block()
    block.line(buffer, memoryview(buffer), 0, len(buffer))
    block.own()
    buffer[:] = b"overwritten"  # a view that was still held would forbid the resize
    block.line(b"data: d", memoryview(b"data: d"), 0, 7)
    event = block.end()
    assert event is not None
    assert event.text() == "abc\nd"


def test_own_makes_no_data_where_there_is_none() -> None:
    block = block_of(b"event: x")
    block.own()
    assert block.end() is None


def test_drop_forgets_the_block_only() -> None:
    block = block_of(b"id: kept", b"retry: 5")
    block.end()
    line = b"id: dropped"
    block.line(line, memoryview(line), 0, len(line))
    block.drop()
    assert block.end() is None
    assert (block.last_event_id, block.reconnection_time) == ("kept", 5)


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (b"0", 0),
        (b"00042", 42),
        (b"9" * MAX_RETRY_DIGITS, 10**MAX_RETRY_DIGITS - 1),
        (b"0" * 5000 + b"7", 7),
        (b"0" * 5000, 0),
        (b"1" + b"0" * MAX_RETRY_DIGITS, None),
        (b"1" * 5000, None),
        (b"", None),
        (b"-1", None),
        (b"+1", None),
        (b"1.5", None),
        (b"1e3", None),
        (b"1_000", None),
        (b"0x10", None),
        (b" 1", 1),
        (b"  1", None),
        (b"1 ", None),
        (b"\t1", None),
        ("٣".encode(), None),
        ("²".encode(), None),
    ],
)
def test_retry_is_ascii_digits_and_no_more(value: bytes, milliseconds: int | None) -> None:
    assert block_of(b"retry:" + value).reconnection_time == milliseconds
