"""What the randomness of a trial depends on."""

import numpy as np
import randrelu as rr
from randrelu.sweeps.grid import Point
from sweep_helpers import run, same


class TestRandomness:
    def test_a_trial_is_that_of_its_point(self):
        frame = run().to_pandas()
        point = Point({"b": "y", "a": 2})
        row = frame[(frame.a == 2) & (frame.b == "y") & (frame.trial == 7)].iloc[0]
        assert row.value == point.generator(0, 7).standard_normal()

    def test_every_trial_draws_for_itself(self):
        frame = run(trials=50).to_pandas()
        assert len(frame) == 300 and frame.value.nunique() == 300

    def test_seed(self):
        assert same(run(rng=1), run(rng=1))
        assert not same(run(rng=1), run(rng=2))

    def test_neither_the_grid_nor_the_number_of_trials_matters(self):
        whole = run(trials=30).to_pandas()
        part = run(grid={"b": ["y"], "a": [5, 1]}, trials=8).to_pandas()
        key = ["a", "b", "trial"]
        both = part.merge(whole, on=key, suffixes=("", "_whole"))
        assert len(both) == 16 and (both.value == both.value_whole).all()

    def test_points_are_known_by_their_content(self):
        alike = [
            {"a": 1, "b": [1, 2]},
            {"b": (1.0, 2), "a": np.float32(1)},
            {"b": np.array([1, 2]), "a": 1},
        ]
        assert len({Point(p.params).key for p in rr.sweeps.grid.points_of(None, alike)}) == 1
        assert Point({"a": 1.5}).key != Point({"a": 1}).key
        assert run(grid={"a": [1, 1, 1.0]}, trials=2).to_arrow().num_rows == 2

    def test_key_is_pinned(self):
        """Stores that exist are known by it."""
        assert Point({"width": 64, "depth": 2}).key == "6925be448b80a5f34bab33d6"
