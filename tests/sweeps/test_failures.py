"""Trials that fail, and what they leave of the others."""

import re

import pytest
import randrelu as rr
import sweep_experiments as ours
from randrelu.sweeps.blocks import missing
from sweep_helpers import run, same


class TestFailures:
    def test_what_fails_is_told_and_the_rest_goes_on(self, tmp_path):
        found = run(ours.fails_at_three, grid={"a": [1, 3, 5]}, trials=4, store=tmp_path / "s")
        assert set(found.to_pandas().a) == {1, 5} and len(found.to_arrow()) == 8
        assert [dict(f.params) for f in found.failures] == [{"a": 3}] * 4
        assert [f.trials for f in found.failures] == [range(t, t + 1) for t in range(4)]
        assert "ArithmeticError: three is too many" in found.failures[0].error
        assert "fails_at_three" in found.failures[0].traceback
        assert "4 failed" in repr(found)
        again = rr.read_sweep(tmp_path / "s")
        assert again.failures == found.failures and same(again, found)

    @pytest.mark.parametrize("executor", [None, 2])
    def test_a_trial_is_tried_twice(self, tmp_path, executor):
        grid = {"a": [1, 2], "folder": [str(tmp_path)]}
        found = run(ours.fails_once, grid=grid, executor=executor)
        assert not found.failures and len(found.to_arrow()) == 40

    @pytest.mark.parametrize(
        ("returned", "message"),
        [
            ({"a": 1}, r"must not return \['a'\]"),
            ({"trial": 1}, r"must not return \['trial'\]"),
            (3.0, "must return a dict or a list of them, got 3.0"),
            ({"value": object()}, "numbers, texts, None or sequences"),
        ],
    )
    def test_rows_that_are_none(self, returned, message):
        found = run(lambda params, rng: returned, grid={"a": [1]}, trials=1)
        assert re.search(message, found.failures[0].error)


class TestBlocks:
    def test_pieces_grow_with_what_trials_take(self, tmp_path):
        """A slow first trial does not cut the others in pieces of one."""
        run(ours.slow_at_first, grid={"folder": [str(tmp_path)]}, trials=500, store=tmp_path / "s")
        assert len(list((tmp_path / "s/trials").iterdir())) < 10

    def test_a_failure_leaves_the_rest_of_its_block_whole(self, tmp_path):
        def first_fails(params, rng):
            found.append(rng.random())
            if len(found) in (1, 6):  # the first trial, and its second time after the others
                raise ArithmeticError
            return {"value": 1.0}

        found = []
        sweep = rr.sweep(first_fails, grid={"a": [1]}, trials=5, rng=0, store=tmp_path)
        assert len(found) == 6 and [f.trials for f in sweep.failures] == [range(1)]
        names = [file.name.split("-", 1)[1] for file in (tmp_path / "trials").iterdir()]
        assert len(names) < 4

    def test_missing(self):
        assert list(missing([], 3)) == [range(3)]
        assert list(missing([range(2, 4), range(6, 9)], 8)) == [range(2), range(4, 6)]
        assert list(missing([range(9)], 8)) == []
