"""The experiments that have a name, and what sweep refuses."""

import numpy as np
import pytest
import randrelu as rr
import scipy.stats
import sweep_experiments as ours
from randrelu.checks.columns import BRACKET
from randrelu.sweeps import EXPERIMENTS
from randrelu.sweeps.experiments import networks
from randrelu.sweeps.grid import Point
from sweep_helpers import GRID, run, same

NAMES = "eta must be a number or one of 'linear', 'paper', 'exact', 'flip', got"
SMALL = {
    "attack": {"width": [20, 30], "depth": [2], "eta": ["linear", "exact"]},
    "flips": {"width": [20], "depth": [2], "radius": [0.1]},
    "deviation": {"widths": [(20, 30, 1)], "radius": [0.1]},
    "worst": {"widths": [(20, 30, 10, 1)], "radius": [0.1], "samples": [40]},
    "distance": {"width": [20], "depth": [2]},
    "cell": {"width": [20], "depth": [2], "dim": [30]},
    "min-perturbation": {"hidden": [5, 50], "dim": [30]},
    "deep": {"width": [50], "depth": [2, 4]},
    "line": {"width": [20], "depth": [2], "dim": [30]},
    "regions": {"widths": [(20, 30, 10, 1)], "length": [3.0]},
    "lemma-2.2": {"width": [20], "depth": [2], "trials": [20]},
    "lemma-c.1": {"rows": [5], "cols": [10], "trials": [20]},
}


def in_numpy(weights, x):
    """f and its gradient."""
    masks, value = [], x
    for w in weights[:-1]:
        value = w @ value
        masks.append(value > 0)
        value = np.maximum(value, 0)
    gradient = weights[-1][0]
    for w, mask in zip(weights[-2::-1], masks[::-1], strict=True):
        gradient = (gradient * mask) @ w
    return float((weights[-1] @ value)[0]), gradient


class TestBuiltIn:
    @pytest.mark.parametrize("name", SMALL)
    def test_runs(self, name):
        found = rr.sweep(name, grid=SMALL[name], trials=3, rng=0)
        assert not found.failures and same(found, rr.sweep(name, grid=SMALL[name], trials=3, rng=0))
        assert set(SMALL[name]) <= set(found.to_arrow().column_names)

    def test_attack_is_that_of_the_network(self):
        found = rr.sweep("attack", grid={"width": [20], "depth": [2]}, trials=2, rng=4)
        generator = Point({"width": 20, "depth": 2}).generator(4, 1)
        net = rr.Network.random((20, 20, 20, 1), rng=generator, storage="deferred")
        expected = rr.gradient_step(net, np.ones(20))
        row = found.to_pandas().iloc[1]
        assert row.relative_norm == expected.relative_norm and row.f_after == expected.f_after

    @pytest.mark.parametrize("name", ["flips", "deviation", "line", "min-perturbation"])
    def test_rows_are_measurements_of_the_network(self, name):
        """The network is drawn from the trial's generator, and what is sampled after it."""
        row = rr.sweep(name, grid=SMALL[name], trials=2, rng=4).to_pandas().iloc[-1]
        params = {key: values[-1] for key, values in SMALL[name].items()}
        generator = Point(params).generator(4, 1)
        dim = {"flips": 20, "deviation": 20, "line": 30, "min-perturbation": 30}[name]
        hidden = {"deviation": (30,), "min-perturbation": (50,)}.get(name, (20, 20))
        options = {"init": "unit", "storage": "stored"} if name == "min-perturbation" else {}
        net = rr.Network.random(
            (dim, *hidden, 1), rng=generator, **{"storage": "deferred"} | options
        )
        x = np.ones(dim)
        radius = 0.1 * np.sqrt(dim)
        if name == "flips":
            found = rr.flips(net, x, radius, 16, rng=generator, remember=False)
            assert row.layer == 2 and row["mean"] == found.mean[1]
            assert row.share == found.mean[1] / 20 and row.predicted == found.predicted[1]
        elif name == "deviation":
            found = rr.gradient_deviation(net, x, radius, 16, rng=generator).relative
            assert (row["median"], row.largest_seen) == (np.median(found), found.max())
        elif name == "line":
            f, gradient = net.value_and_gradient(x)
            found = rr.line(net, x, -np.sign(f) * gradient, 4.0)
            assert (row.f, row.flips) == (f, found.t.size)
            np.testing.assert_equal(row.zero_at, found.first_crossing(0.0) / np.sqrt(dim))
        else:
            assert row.ratio == rr.min_perturbation(net, x) / np.sqrt(dim)

    @pytest.mark.parametrize("name", ["flips", "deviation"])
    def test_a_list_of_radii_is_measured_on_one_network(self, name):
        params = {"widths": [20, 30, 10, 1], "radius": [0.5, 0.1], "samples": 7}
        found = rr.sweep(name, points=[params], trials=2, rng=4)
        rows = found.to_pandas()[lambda frame: frame.trial == 1]
        generator = Point(params).generator(4, 1)
        net = rr.Network.random(params["widths"], rng=generator, storage="deferred")
        x, radii = np.ones(20), np.array([0.5, 0.1]) * np.sqrt(20)
        if name == "flips":
            found = rr.flips(net, x, radii, 7, rng=generator, remember=False)
            assert rows.relative_radius.tolist() == [0.5, 0.5, 0.1, 0.1]
            assert rows.layer.tolist() == [1, 2, 1, 2]
            assert rows["mean"].tolist() == found.mean.ravel().tolist()
            assert rows.share.tolist() == (found.mean / [30, 10]).ravel().tolist()
        else:
            found = rr.gradient_deviation(net, x, radii, 7, rng=generator).relative
            assert rows.relative_radius.tolist() == [0.5, 0.1]
            assert rows["median"].tolist() == np.median(found, axis=1).tolist()
            assert rows.largest_seen.tolist() == found.max(axis=1).tolist()

    @pytest.mark.parametrize("storage", ["auto", "deferred"])
    def test_worst_is_the_bracket_of_each_layer(self, storage):
        params = {name: values[0] for name, values in SMALL["worst"].items()}
        params |= {"storage": storage} if storage == "deferred" else {}
        rows = rr.sweep("worst", points=[params], trials=2, rng=4).to_pandas()
        generator = Point(params).generator(4, 1)
        net, x = rr.Network.random(params["widths"], rng=generator, storage=storage), np.ones(20)
        found = rr.worst_flips(net, x, 0.1 * np.sqrt(20))
        sampled = rr.flips(net, x, 0.1 * np.sqrt(20), 40, rng=generator, remember=False)
        ball = rr.gradient_deviation(net, x, 0.1 * np.sqrt(20), 40, rng=generator, remember=False)
        changed = rr.worst_deviation(net, x, 0.1 * np.sqrt(20))
        norms = {"sampled": ball.norms.max(), "attained": changed.attained}
        rows = rows[rows.trial == 1]
        assert rows.layer.tolist() == [1, 2] and rows.units.tolist() == [30, 10]
        expected = {"sampled": sampled.max, "attained": found.attained}
        if storage == "deferred":
            assert rows.certified.isna().all() and rows.certified_share.isna().all()
            assert rows.deviation_certified.isna().all()
        else:
            expected["certified"] = found.certified
            assert (rows.attained <= rows.certified).all() and (rows.certified < rows.units).any()
            norms["certified"] = changed.certified
            assert (rows.deviation_attained <= rows.deviation_certified).all()
        for name, counts in expected.items():
            assert rows[name].tolist() == counts.tolist()
            assert rows[f"{name}_share"].tolist() == (counts / rows.units).tolist()
        for name, norm in norms.items():  # of the network, in the row of each layer
            assert rows[f"deviation_{name}"].tolist() == [norm / changed.grad_norm] * 2

    def test_what_is_worst_is_nothing_relative_to_a_gradient_that_is_0(self, monkeypatch):
        """A network of no active unit at x, and none in the ball."""
        w = np.full((3, 4), -1.0)
        dead = rr.Network.from_weights([w, np.ones(3)])
        monkeypatch.setattr(networks, "_network", lambda *a, **k: (dead, np.ones(4)))
        (row,) = networks.worst(np.random.default_rng(0), radius=0.1, samples=4)
        assert row["attained"] == row["certified"] == 0
        assert [row[f"deviation_{name}"] for name in BRACKET] == [None] * 3

    @pytest.mark.parametrize("storage", ["auto", "deferred"])
    def test_regions_are_those_of_a_square_of_a_random_plane(self, storage):
        params = {"widths": [20, 30, 10, 1], "length": 3.0}
        params |= {"storage": storage} if storage == "deferred" else {}
        rows = rr.sweep("regions", points=[params], trials=2, rng=4).to_pandas()
        rows = rows[rows.trial == 1]
        generator = Point(params).generator(4, 1)
        net = rr.Network.random(params["widths"], rng=generator, storage=storage)
        one, two = generator.standard_normal((2, 20))
        q, _ = np.linalg.qr(np.stack([one, two], axis=1))
        half = 1.5 * np.sqrt(20)
        u, v = half * np.sign(one @ q[:, 0]) * q[:, 0], half * np.sign(two @ q[:, 1]) * q[:, 1]
        found = rr.plane(net, np.ones(20), u, v)
        assert rows.layer.tolist() == [1, 2] and rows.units.tolist() == [30, 10]
        assert rows.edges.tolist() == found.edges_by_layer.tolist()
        assert rows.regions.tolist() == [found.regions] * 2 and found.regions > 30
        assert rows.regions_per_unit2.tolist() == [found.regions / 1600] * 2
        assert rows.mean_area.tolist() == pytest.approx([9 / found.regions] * 2)
        assert rows.median_area.tolist() == pytest.approx([2.25 * np.median(found.area)] * 2)

    @pytest.mark.parametrize("storage", ["auto", "deferred"])
    def test_distance_is_the_bracket_beside_the_zero_of_the_tangent(self, storage):
        params = {"width": 20, "depth": 2} | ({"storage": storage} if storage != "auto" else {})
        row = rr.sweep("distance", points=[params], trials=2, rng=4).to_pandas().iloc[1]
        net, x = (
            rr.Network.random((20, 20, 20, 1), rng=Point(params).generator(4, 1), storage=storage),
            np.ones(20),
        )
        step = rr.gradient_step(net, x)  # −2f/‖∇f‖², twice as far as that zero
        found = rr.distance(net, x, certify=storage != "deferred")
        norm = np.sqrt(20)
        assert row.linear == pytest.approx(step.relative_norm / 2, rel=1e-12)
        assert row.attained == found.attained / norm
        assert row.attained_to_linear == row.attained / row.linear
        if storage == "deferred":
            assert row.certified is None
        else:
            assert row.certified == found.certified / norm
            weights = [net.weights(i).astype(float) for i in (1, 2, 3)]
            f, gradient = in_numpy(weights, x)
            linear = abs(f) / np.linalg.norm(gradient) / norm
            assert row.linear == pytest.approx(linear, rel=1e-9)

    def test_a_linear_network_has_its_zero_where_its_tangent_has(self):
        """Without hidden layers the distance is |f|/‖∇f‖, whose square over d has a Beta law."""
        found = rr.sweep("distance", grid={"widths": [(6, 1)]}, trials=300, rng=1).to_pandas()
        # A change is shown after 16 roundings of f at least, by steps that grow sixteenfold.
        beyond = 2 * 16 * 16 * np.finfo(float).eps
        np.testing.assert_allclose(found.attained, found.linear, rtol=0, atol=beyond)
        assert (found.certified <= found.linear).all()
        assert (found.certified >= 0.994 * found.linear).all()  # half a percent, searched for
        law = scipy.stats.beta(1 / 2, 5 / 2)
        assert scipy.stats.kstest(found.linear**2, law.cdf).pvalue > 1e-3

    def test_a_dead_network_is_on_its_boundary(self):
        """Where all units are off, f is 0 and has no tangent that could be 0 elsewhere."""
        found = rr.sweep("distance", grid={"widths": [(3, 1, 1)]}, trials=20, rng=0).to_pandas()
        dead = found[found.attained == 0]
        assert 4 <= len(dead) <= 16  # Binomial(20, 1/2): outside of it once in 700 times
        assert dead.linear.isna().all() and dead.attained_to_linear.isna().all()
        assert (dead.certified == 0).all() and (found.linear.isna().sum() == len(dead))

    def test_cell_is_that_of_the_network(self):
        params = {"width": 20, "depth": 2, "dim": 30}
        row = rr.sweep("cell", points=[params], trials=2, rng=4).to_pandas().iloc[1]
        net = rr.Network.random((30, 20, 20, 1), rng=Point(params).generator(4, 1))
        found = rr.cell(net, np.ones(30))
        assert row.units == 40 and (row.layer, row.unit) == (found.layer, found.unit)
        assert row.distance == found.distance / np.sqrt(30)
        assert row.distance_times_units == 40 * row.distance

    def test_the_nearest_hyperplane_of_one_layer_has_an_exact_law(self):
        """The smallest of independent |u_1|, u uniform on the sphere."""
        grid = {"width": [40], "depth": [1], "dim": [9]}
        found = rr.sweep("cell", grid=grid, trials=300, rng=1).to_pandas()
        one = scipy.stats.beta(1 / 2, 4)
        law = np.vectorize(lambda r: -np.expm1(40 * one.logsf(r**2)))
        assert scipy.stats.kstest(found.distance, law).pvalue > 1e-3

    def test_a_network_without_hidden_layers_has_no_hyperplanes(self):
        row = rr.sweep("cell", grid={"widths": [(5, 1)]}, trials=1, rng=0).to_pandas().iloc[0]
        assert row.units == 0 and row.distance is None and row.layer is None

    @pytest.mark.parametrize(
        ("name", "grid", "message"),
        [
            ("atack", {"width": [3]}, "experiment must be one of 'attack'"),
            ("attack", {"with": [3], "depth": [1]}, "did you mean 'width'"),
            ("attack", {"width": [0], "depth": [1]}, "width must be at least 1, got 0"),
            ("attack", {"width": [3]}, "attack needs width and depth, or widths"),
            ("attack", {"width": [3], "widths": [(3, 3, 1)]}, "either widths or width, not both"),
            ("attack", {"width": [3], "depth": [1], "eta": ["lineal"]}, NAMES),
            ("attack", {"width": [3], "depth": [1], "eta": [True]}, NAMES),
            ("flips", {"width": [3], "depth": [1]}, "flips needs radius"),
            ("worst", {"width": [3], "depth": [1]}, "worst needs radius"),
            ("worst", {"width": [3], "depth": [1], "radius": [[1]]}, "radius must be a number"),
            (
                "flips",
                {"width": [3], "depth": [1], "radius": [[]]},
                "must hold at least one number",
            ),
            ("flips", {"width": [3], "depth": [1], "radius": [[1, -1]]}, r"radius\[1\] must be"),
            ("deviation", {"width": [3], "depth": [1], "radius": [["a"]]}, r"radius\[0\] must be"),
            ("distance", {"width": [3], "depth": [1], "radius": [1]}, "does not take 'radius'"),
            (
                "cell",
                {"width": [3], "depth": [1], "storage": ["deferred"]},
                "storage must be one of 'auto', 'stored', 'streamed', got 'deferred'",
            ),
            ("lemma-2.2", {"width": [3], "depth": [1], "radus": [1]}, "does not take 'radus'"),
            ("attack", {"width": 3, "depth": [1]}, r"grid\['width'\] must be a sequence"),
            ("attack", {"width": [], "depth": [1]}, "at least one value"),
            ("attack", {"width": [3], "depth": [1], "eta": [1.0, "exact"]}, "eta must have values"),
            ("attack", {"width": [{1}], "depth": [1]}, "must be numbers, texts"),
        ],
    )
    def test_what_is_wrong_is_told_before_anything_runs(self, tmp_path, name, grid, message):
        with pytest.raises((ValueError, TypeError), match=message):
            rr.sweep(name, grid=grid, trials=1, store=tmp_path / "s")
        assert not (tmp_path / "s/_manifest.json").exists()

    @pytest.mark.parametrize("name", ["trial", "row"])
    def test_names_that_tables_have(self, name):
        with pytest.raises(ValueError, match=f"must not be called '{name}'"):
            run(grid={name: [1]})

    def test_either_grid_or_points(self):
        for given in ({}, {"grid": GRID, "points": [{}]}):
            with pytest.raises(TypeError, match="either grid= or points="):
                rr.sweep(ours.cheap, trials=1, **given)
        with pytest.raises(ValueError, match="points must hold at least one"):
            rr.sweep(ours.cheap, trials=1, points=[])
        with pytest.raises(ValueError, match="trials must be at least 1"):
            run(trials=0)

    def test_all_statements_are_there(self):
        assert set(rr.checks.STATEMENTS) < set(EXPERIMENTS)


@pytest.mark.parametrize(
    "shape", [{"dim": [1], "width": [9], "depth": [1]}, {"widths": [(1, 9, 1)]}]
)
def test_one_input_has_no_plane(shape):
    with pytest.raises(ValueError, match="must be at least 2, got 1"):
        rr.sweep("regions", grid=shape, trials=1, rng=0)
