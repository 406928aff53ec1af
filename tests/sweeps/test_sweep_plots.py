"""What Sweep.plot draws."""

import os

import numpy as np
import pytest
import randrelu as rr
import scipy.stats
import sweep_experiments as ours
from randrelu.figures.glance import axes_of
from sweep_helpers import run


def lines_of(figure):
    return {line.get_label(): np.array(line.get_data(), float) for line in figure.axes[0].lines}


class TestPlot:
    def test_median_and_theory_of_the_step(self):
        sweep = rr.sweep("attack", grid={"width": [16, 64, 256], "depth": [1, 2]}, trials=60, rng=0)
        figure = sweep.plot("width", "relative_norm", by="depth", log=True)
        lines, axes = lines_of(figure), figure.axes[0]
        frame = sweep.to_pandas()
        medians = frame[frame.depth == 2].groupby("width").relative_norm.median()
        np.testing.assert_allclose(lines["ℓ = 2"], [medians.index, medians])
        theory = lines["exact median, near 2 × half-normal/√d"]
        expected = [rr.laws.linear_step_norm_quantile(0.5, d) for d in (16, 64, 256)]
        np.testing.assert_allclose(theory, [(16, 64, 256), expected])
        assert axes.get_xscale() == axes.get_yscale() == "log"
        assert axes.get_ylabel() == "‖η∇f(x)‖/‖x‖" and "d_ℓ" in axes.get_xlabel()
        figure.savefig(os.devnull, format="pdf")

    def test_guide_where_the_law_is_unknown(self):
        grid = {"width": [16, 64], "depth": [1], "eta": ["exact"]}
        lines = lines_of(
            rr.sweep("attack", grid=grid, trials=9, rng=0).plot("width", "relative_norm", log=True)
        )
        guide = lines["slope −1/2"]
        assert guide[1, 0] / guide[1, 1] == pytest.approx(2)

    def test_flips_and_figure_1(self):
        grid = {"width": [50], "depth": [2], "radius": [0.1, 0.2]}
        flips = rr.sweep("flips", grid=grid, trials=3, rng=0)
        label = "predicted by the arc-cosine map"
        predicted = lines_of(flips.plot("radius", "share", by="layer"))[label]
        frame = flips.to_pandas()
        assert predicted[1] == pytest.approx(
            frame[frame.layer == 1].groupby("radius").predicted_share.median()
        )
        figure = rr.sweep(
            "min-perturbation", grid={"hidden": [4, 16, 80], "dim": [64]}, trials=3, rng=0
        )
        np.testing.assert_allclose(
            lines_of(figure.plot("hidden", "ratio"))["√(k/d)"][1], [0.25, 0.5, 1]
        )

    def test_the_zero_of_the_tangent_beside_its_law(self):
        sweep = rr.sweep("distance", grid={"width": [8, 16], "depth": [1]}, trials=5, rng=0)
        figure = sweep.plot("width", "linear", log=True)
        theory = lines_of(figure)["exact median, near half-normal/√d"]
        medians = [np.sqrt(scipy.stats.beta(1 / 2, (d - 1) / 2).ppf(0.5)) for d in (8, 16)]
        np.testing.assert_allclose(theory, [(8, 16), medians], rtol=1e-9)
        assert "attained" in sweep.plot("width", "attained").axes[0].get_ylabel()

    def test_the_nearest_facet_beside_its_law_at_depth_1(self):
        sweep = rr.sweep("cell", grid={"width": [8, 16], "depth": [1], "dim": [9]}, trials=5, rng=0)
        name = "median of independent units, exact at depth 1"
        medians = [np.sqrt(scipy.stats.beta(1 / 2, 4).ppf(1 - 2 ** (-1 / n))) for n in (8, 16)]
        for y, factor in (("distance", 1), ("distance_times_units", np.array([8, 16]))):
            figure = sweep.plot("width", y, log=True)
            expected = [(8, 16), factor * np.array(medians)]
            np.testing.assert_allclose(lines_of(figure)[name], expected, rtol=1e-9)
            assert "nearest facet" in figure.axes[0].get_ylabel()

    def test_brackets_of_flips(self):
        grid = {"width": [20], "depth": [2], "radius": [0.1, 0.2]}
        sweep = rr.sweep("worst", grid=grid, trials=3, rng=0)
        for name in ("sampled", "attained", "certified"):
            figure = sweep.plot("radius", f"{name}_share", by="layer")
            frame = sweep.to_pandas()
            medians = frame[frame.layer == 2].groupby("radius")[f"{name}_share"].median()
            np.testing.assert_allclose(lines_of(figure)["i = 2"][1], medians)
            assert name in figure.axes[0].get_ylabel()
            figure = sweep.plot("radius", f"deviation_{name}")
            medians = frame.groupby("radius")[f"deviation_{name}"].median()
            np.testing.assert_allclose(lines_of(figure)["median, 5 % … 95 %"][1], medians)
            assert "∇f" in figure.axes[0].get_ylabel() and name in figure.axes[0].get_ylabel()

    def test_shares_and_words(self):
        sweep = rr.sweep("attack", grid={"widths": [(9, 9, 1), (9, 5, 5, 1)]}, trials=30, rng=0)
        figure = sweep.plot("widths", "sign_flipped")
        share = sweep.to_pandas().sign_flipped.mean()
        assert np.mean(lines_of(figure)["share, 95 % interval"][1]) == pytest.approx(share)
        assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["9, 5, 5, 1", "9, 9, 1"]

    def test_a_parameter_that_some_points_lack(self):
        points = [{"width": 9, "depth": 2, "eta": "exact"}, {"width": 9, "depth": 1}]
        sweep = rr.sweep("attack", points=points, trials=3, rng=0)
        lines = lines_of(sweep.plot("depth", "grad_norm", by="eta"))
        assert {"eta = exact", "eta = None"} <= set(lines)

    def test_what_cannot_be_drawn(self):
        sweep = run()
        with pytest.raises(ValueError, match="x must be a column of the sweep, one of a, b"):
            sweep.plot("c", "value")
        with pytest.raises(ValueError, match="y must be a column of numbers"):
            sweep.plot("a", "b")


class TestGlance:
    """What a notebook draws of a sweep, where nobody has chosen the axes."""

    def axes(self, experiment, **options):
        sweep = rr.sweep(experiment, rng=0, **options)
        html = sweep._repr_html_()
        chosen = axes_of(sweep.experiment, sweep.points, sweep.to_arrow())
        assert ("<img" in html) == (chosen is not None)
        return chosen

    def test_what_the_experiment_is_about_over_what_varies(self):
        grid = {"depth": [2], "width": [16, 32], "eta": ["linear", "exact"]}
        assert self.axes("attack", grid=grid, trials=3) == {
            "x": "width", "y": "relative_norm", "by": "eta", "log": False,
        }  # fmt: skip
        grid = {"width": [16], "depth": [2], "radius": [[0.01, 0.1]], "samples": [9]}
        assert self.axes("flips", grid=grid, trials=2) == {
            "x": "relative_radius", "y": "share", "by": "layer", "log": True,
        }  # fmt: skip

    def test_one_s_own_numbers(self):
        chosen = self.axes(ours.cheap, grid={"a": [3, 100]}, trials=4)
        assert chosen == {"x": "a", "y": "twice", "by": None, "log": True}

    @pytest.mark.parametrize("experiment", ["deviation", "worst", "distance", "cell", "line"])
    def test_every_experiment_has_a_picture(self, experiment):
        more = {"radius": [0.1]} if experiment in ("deviation", "worst") else {}
        grid = {"width": [8, 16], "depth": [1], **more}
        assert self.axes(experiment, grid=grid, trials=2)["x"] == "width"

    def test_nothing_varies_or_nothing_is_comparable(self):
        assert self.axes("attack", grid={"width": [16], "depth": [2]}, trials=3) is None
        grid = {"width": [8, 16], "depth": [1], "trials": [5]}
        assert self.axes("lemma-2.2", grid=grid, trials=1) is None
