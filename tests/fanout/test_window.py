"""Which request may be started, and which outcome is next."""

from hypothesis import given
from hypothesis import strategies as st

from trio_groq.fanout._window import Window


def window(limit: int, *, in_order: bool = False) -> Window[int]:
    return Window(lambda: limit, in_order=in_order)


def fill(places: Window[int]) -> list[int]:
    started = []
    while places.may_start:
        started.append(places.start())
    return started


def end(places: Window[int], *indices: int) -> None:
    for index in indices:
        places.finish(index, index)
        places.free()


def test_as_many_as_the_limit_may_start() -> None:
    places = window(3)
    assert fill(places) == [0, 1, 2]
    end(places, 1)
    assert fill(places) == [3]


def test_untaken_outcomes_beyond_the_limit_keep_places() -> None:
    places = window(2)
    end(places, *fill(places))
    end(places, *fill(places))
    assert places.untaken == 4
    assert fill(places) == []
    assert places.take() == 0
    assert fill(places) == [4]
    assert fill(places) == []


def test_by_completion_they_come_as_they_end() -> None:
    places = window(3)
    fill(places)
    end(places, 2, 0)
    assert [places.take(), places.take(), places.take()] == [2, 0, None]


def test_by_input_a_slow_one_holds_back_the_rest() -> None:
    places = window(2, in_order=True)
    fill(places)
    for expected in (1, 2, 3):
        end(places, expected)
        if expected < 3:
            assert fill(places) == [expected + 1]
    assert fill(places) == []  # 0 is in flight, 1 to 3 are done
    assert places.take() is None
    end(places, 0)
    assert [places.take() for _ in range(5)] == [0, 1, 2, 3, None]


def test_a_place_may_outlast_its_outcome() -> None:
    places = window(1)
    fill(places)
    places.finish(0, 0)
    assert places.take() == 0
    assert (places.pending, places.places) == (0, 1)
    assert fill(places) == []
    places.free()
    assert fill(places) == [1]


def test_what_is_left_is_handed_back_once() -> None:
    places = window(3, in_order=True)
    fill(places)
    end(places, 2, 0)
    assert places.clear() == [0, 2]
    assert places.clear() == []
    assert places.take() is None


@given(
    st.integers(1, 4),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(["start", "end", "take"]), st.integers(0, 9)), max_size=80),
)
def test_bounds_hold_and_nothing_is_lost(
    limit: int, in_order: bool, steps: list[tuple[str, int]]
) -> None:
    places = window(limit, in_order=in_order)
    running: list[int] = []
    ended: list[int] = []
    taken: list[int] = []
    for step, choice in steps:
        if step == "start" and places.may_start:
            running.append(places.start())
        elif step == "end" and running:
            index = running.pop(choice % len(running))
            ended.append(index)
            end(places, index)
        elif step == "take" and (outcome := places.take()) is not None:
            taken.append(outcome)
        assert places.places == len(running) <= limit
        assert places.untaken == len(ended) - len(taken) <= 2 * limit
        assert places.places + places.untaken <= 2 * limit
    assert taken == (list(range(len(taken))) if in_order else ended[: len(taken)])
