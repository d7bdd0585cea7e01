"""Lines: the lowest place first, whoever leaves and in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from trio_groq._api.line import Line, Waiter


def test_an_empty_line_has_no_head() -> None:
    line = Line()
    assert line.head is None
    assert len(line) == 0
    assert not line


def test_who_comes_back_stands_in_the_old_place() -> None:
    line = Line()
    late, early = line.join(7), line.join(3, cost=50)
    assert line.head is early
    assert (early.place, early.cost, late.cost) == (3, 50, 1)
    line.leave(early)
    assert line.head is late


def test_who_joins_again_in_the_same_place_is_not_mixed_up_with_who_left() -> None:
    line = Line()
    head, first = line.join(1), line.join(5)
    line.leave(first)
    again = line.join(5)
    line.leave(head)
    assert line.head is again
    assert len(line) == 1


def test_leaving_twice_is_leaving_once() -> None:
    line = Line()
    first, second = line.join(1), line.join(2)
    line.leave(first)
    line.leave(first)
    assert line.head is second
    assert len(line) == 1


@given(st.data())
def test_it_is_as_a_sorted_list(data: st.DataObject) -> None:
    line, model = Line(), dict[int, Waiter]()
    places = iter(data.draw(st.permutations(range(40))))
    for joins in data.draw(st.lists(st.booleans(), max_size=40)):
        if joins or not model:
            place = next(places)
            model[place] = line.join(place)
        else:
            line.leave(model.pop(data.draw(st.sampled_from(sorted(model)))))
        assert len(line) == len(model)
        assert line.head is (model[min(model)] if model else None)


def test_those_who_left_are_not_kept() -> None:
    line = Line()
    head = line.join(0)
    for place in range(1, 10_000):
        line.leave(line.join(place))
    assert len(line._heap) < 100
    assert line.head is head
