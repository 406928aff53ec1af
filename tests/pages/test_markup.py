"""Texts as parts of a page."""

import pytest
from randrelu.pages.markup import marked_up


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d_min < 10^568.2", "d<sub>min</sub> &lt; 10<sup>568.2</sup>"),
        ("‖M_{i_j, i_{j+1}}‖", "‖M<sub>i<sub>j</sub>, i<sub>j+1</sub></sub>‖"),
        ("C^{(i_j − i_{j+1})/2}.", "C<sup>(i<sub>j</sub> − i<sub>j+1</sub>)/2</sup>."),
        ("f̃_i, Δ_ℓ and 2^ℓ", "f̃<sub>i</sub>, Δ<sub>ℓ</sub> and 2<sup>ℓ</sup>"),
        ("90 % (81 … 99 %) of −2 … −1 in 3 d", "90~% (81~…~99~%) of −2~…~−1 in 3 d"),
        ("flipped_share of x^{", "flipped_share of x<sup>{</sup>"),
    ],
)
def test_powers_and_indices(text, expected):
    assert marked_up(text) == expected.replace("~", "\u00a0")
