"""Rows whose columns differ."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import randrelu as rr
import sweep_experiments as ours
from randrelu.sweeps.grid import Point
from sweep_helpers import run, same


class TestColumns:
    def test_a_trial_with_other_columns_fails_alone(self, tmp_path):
        values = [Point({"a": 1}).generator(0, i).random() for i in range(200)]
        odd = {i for i, value in enumerate(values) if value > 0.98}
        assert 1 < len(odd) < 10 and 0 not in odd  # by the seed
        for store in (None, tmp_path):
            found = run(ours.sometimes_a_word, grid={"a": [1]}, trials=200, store=store)
            assert {i for f in found.failures for i in f.trials} == odd
            assert set(found.to_pandas().trial) == set(range(200)) - odd

    def test_large_integers_beside_others(self):
        found = run(ours.large_or_half, grid={"a": [1]}, trials=50)
        assert not found.failures
        assert set(found.to_pandas().value) == {float(2**60 + 1), 0.5}

    def test_no_rows_at_all(self, tmp_path):
        for store in (None, tmp_path):
            found = run(ours.nothing, trials=2, store=store)
            assert not found.failures and found.to_arrow().num_rows == 0
        assert rr.read_sweep(tmp_path).to_arrow().num_rows == 0

    def test_columns_are_widened(self, tmp_path):
        stored = run(ours.mixed, grid={"a": [1, 2, 3]}, trials=2, store=tmp_path / "s")
        assert stored.to_arrow().schema.field("value").type == pa.float64()
        assert stored.to_pandas().more.isna().tolist() == [True, True, False, False, True, True]
        assert same(stored, run(ours.mixed, grid={"a": [1, 2, 3]}, trials=2))
        schemas = {str(pq.read_schema(f)) for f in (tmp_path / "s/trials").iterdir()}
        assert len(schemas) == 1
        wider = run(ours.mixed, grid={"a": [1, 2, 3, 1.5]}, trials=2, store=tmp_path / "s")
        assert wider.to_arrow().schema.field("a").type == pa.float64()
        assert len({str(pq.read_schema(f)) for f in (tmp_path / "s/trials").iterdir()}) == 1

    def test_a_killed_widening_is_finished(self, tmp_path):
        run(ours.mixed, grid={"a": [1, 3]}, trials=2, store=tmp_path)
        (tmp_path / "_changing").touch()
        file = next((tmp_path / "trials").iterdir())
        narrow = pq.read_table(file)
        pq.write_table(narrow.set_column(0, "a", narrow["a"].cast(pa.float64())), file)
        assert len(run(ours.mixed, grid={"a": [1, 3]}, trials=2, store=tmp_path).to_arrow()) == 4
        assert len({str(pq.read_schema(f)) for f in (tmp_path / "trials").iterdir()}) == 1
        assert not (tmp_path / "_changing").exists()

    @pytest.mark.parametrize("which", [0, 1])
    def test_reading_while_columns_are_widened(self, tmp_path, which):
        """Some files have the new columns, whether they are listed first or last."""
        run(ours.mixed, grid={"a": [1]}, trials=1, store=tmp_path)
        run(ours.mixed, grid={"a": [1]}, trials=2, store=tmp_path)
        (tmp_path / "_changing").touch()
        files = list((tmp_path / "trials").iterdir())
        assert len(files) == 2
        old = pq.read_table(files[which])
        wide = old.set_column(old.column_names.index("value"), "value", pa.array([0.5]))
        pq.write_table(wide.append_column("more", pa.array([True])), files[which])
        found = rr.read_sweep(tmp_path).to_pandas()
        assert sorted(found.value) == [0.5, 1.0] and sorted(found.trial) == [0, 1]
        assert found.more[found.value == 0.5].tolist() == [True]
        assert found.more[found.value == 1.0].isna().all()

    def test_large_integers_are_widened(self, tmp_path):
        rr.sweep(lambda p, r: {"v": p["a"]}, grid={"a": [2**60 + 1]}, trials=1, store=tmp_path)
        big = lambda p, r: {"v": 0.5} if p["a"] == 1 else {"v": 2**60 + 1}  # noqa: E731
        found = rr.sweep(big, grid={"a": [2**60 + 1, 1]}, trials=1)
        assert found.to_pandas().v.tolist() == [2.0**60, 0.5]

    def test_columns_of_two_kinds_are_a_failure(self, tmp_path):
        found = run(ours.words_or_numbers, grid={"a": [1, 2, 3]}, trials=2, store=tmp_path)
        assert len(found.to_arrow()) == 4
        assert "of one type" in found.failures[0].error and found.failures[0].params == {"a": 2}
