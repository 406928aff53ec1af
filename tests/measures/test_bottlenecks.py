"""Bottlenecks, against the paper's recursion and the properties it notes."""

import itertools

import pytest
from randrelu import bottlenecks


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ((5, 1), (0,)),
        ((5, 9, 9, 1), (0,)),
        ((5, 4, 3, 1), (2, 1, 0)),
        ((9, 3, 5, 4, 8, 1), (1, 0)),
        ((100, 50, 70, 20, 90, 1), (3, 1, 0)),
        ((7, 7, 7, 1), (0,)),
        ((8, 3, 6, 3, 1), (1, 0)),
    ],
)
def test_examples(widths, expected):
    assert bottlenecks(widths) == expected


def test_what_the_paper_notes_holds_for_all_small_networks():
    for widths in itertools.chain(*(itertools.product(range(1, 5), repeat=n) for n in range(1, 6))):
        found = bottlenecks((*widths, 1))
        assert found[-1] == 0 and widths[found[0]] == min(widths)
        for later, earlier in itertools.pairwise(found):
            assert later > earlier and widths[later] < widths[earlier]
            assert all(widths[k] >= widths[earlier] for k in range(earlier, later))


def test_bad_widths():
    with pytest.raises(ValueError, match="widths"):
        bottlenecks((3, 0, 1))
