"""Networks that are trained near their start, against NumPy that shares no code with them."""

import math

import numpy as np
import pytest
import randrelu as rr
from randrelu.sweeps.experiments import lazy as lazy_module
from randrelu.sweeps.experiments.resized import resized_digits, zeros_and_ones
from randrelu.sweeps.grid import Point
from scipy.optimize import check_grad
from sklearn.datasets import load_digits

TOY = {"width": 24, "size": 4, "reach": 3.0, "scale": 0.1, "updates": 7}


def toy(**changed):
    found = rr.sweep("lazy", points=[TOY | changed], trials=2, rng=0)
    assert not found.failures
    return found.to_pandas()


class TestImages:
    def test_four_by_four_pixels_are_means_of_four(self):
        images, digits = load_digits(return_X_y=True)
        means = images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16) / 16
        found, labels = resized_digits(4)
        np.testing.assert_allclose(found, means, rtol=0, atol=1e-15)
        assert labels.tolist() == digits.tolist()

    def test_eight_by_eight_is_as_it_comes(self):
        assert np.array_equal(resized_digits(8)[0], load_digits().data / 16)

    def test_larger_images_span_no_more(self):
        pixels, _ = resized_digits(20)
        assert pixels.shape == (1797, 400) and pixels.min() >= 0 and pixels.max() <= 1
        assert np.linalg.matrix_rank(pixels) == np.linalg.matrix_rank(load_digits().data)

    def test_zeros_and_ones_have_norm_one(self):
        images, labels = zeros_and_ones(8)
        shown = load_digits().target
        assert labels.tolist() == [2 * s - 1 for s in shown if s < 2]
        np.testing.assert_allclose((images**2).sum(axis=1), 1, rtol=1e-14)


class TestTraining:
    def setup_method(self):
        rng = np.random.default_rng(5)
        self.images, self.labels = rng.standard_normal((30, 6)), rng.choice((-1.0, 1.0), 30)
        self.start, self.top = rng.standard_normal((11, 6)), rng.choice((-1.0, 1.0), 11) / 11**0.5

    @pytest.mark.parametrize("scale", [1.0, 0.1, 300.0])
    def test_gradient_is_that_of_finite_differences(self, scale):
        given = (self.top, self.images, self.labels, scale)

        def loss(flat):
            value, _ = lazy_module.loss_and_gradient(flat.reshape(11, 6), *given)
            outputs = np.maximum(self.images @ flat.reshape(11, 6).T, 0) @ self.top
            plain = np.mean([np.logaddexp(0, -z) for z in scale * self.labels * outputs])
            np.testing.assert_allclose(value, plain, rtol=1e-12)
            return value

        def gradient(flat):
            return lazy_module.loss_and_gradient(flat.reshape(11, 6), *given)[1].ravel()

        # The loss bends by at most scale² ‖x‖² over a step of ε, and rounds by 1e-16 of itself.
        step, flat = 1e-6 / scale, self.start.ravel()
        bend = scale**2 * step * (self.images**2).sum(axis=1).mean()
        rounding = 1e-15 * max(1, loss(flat)) / step
        error = check_grad(loss, gradient, flat, epsilon=step)
        assert error <= math.sqrt(flat.size) * (bend + rounding)
        assert np.linalg.norm(gradient(flat)) > 10 * error

    def test_rows_stay_in_the_ball(self):
        given = (self.start, self.top, self.images, self.labels)
        options = {"radius": 0.05, "scale": 0.01, "adversary": 0.0, "updates": 20}
        reached = list(lazy_module.trained(*given, **options))
        assert [done for done, _ in reached] == [0, 1, 4, 16, 20]
        assert np.array_equal(reached[0][1], self.start)
        for _, weights in reached[1:]:
            away = np.linalg.norm(weights - self.start, axis=1)
            # Differences of weights of at most 4 round by 1e-15.
            assert away.max() <= 0.05 + 1e-14 and away.max() > 0.0499

    def test_projection_moves_only_what_is_outside(self):
        weights = self.start.copy()
        weights[3] += 2.0
        weights[4] += 1e-3
        found = lazy_module.projected(weights, self.start, 0.5)
        direction = np.full(6, 1 / math.sqrt(6))
        np.testing.assert_allclose(found[3], self.start[3] + 0.5 * direction, rtol=1e-14)
        kept = np.arange(11) != 3
        np.testing.assert_allclose(found[kept], weights[kept], rtol=1e-15, atol=1e-15)

    def test_what_it_is_trained_against_raises_the_loss(self):
        size = 0.1
        moves = lazy_module.worst_steps(self.start, self.top, self.images, self.labels, size)
        norms = np.linalg.norm(moves, axis=1)
        assert np.all(norms <= size * (1 + 1e-14)) and norms.min() > 0.9 * size

        def losses(points):
            return -self.labels * (np.maximum(points @ self.start.T, 0) @ self.top)

        assert np.mean(losses(self.images + moves) > losses(self.images)) > 0.9
        assert np.mean(losses(self.images + moves) > losses(self.images - moves)) > 0.9

    def test_a_dead_network_is_not_perturbed(self):
        weights = np.full((11, 6), -1.0)
        moves = lazy_module.worst_steps(weights, self.top, np.ones((3, 6)), np.ones(3), 0.1)
        assert np.array_equal(moves, np.zeros((3, 6)))


class TestExperiment:
    def test_numbers_are_those_of_plain_numpy(self):
        last = toy().query("trial == 1").iloc[-1]
        rng = Point(TOY).generator(0, 1)
        images, labels = zeros_and_ones(4)
        order = rng.permutation(360)
        held, taught = order[:120], order[120:]
        start = rng.standard_normal((24, 16))
        top = rng.choice((-1.0, 1.0), 24) / math.sqrt(24)
        w = start.copy()
        for _ in range(7):
            move = np.zeros_like(w)
            for i in taught:
                pre = w @ images[i]
                margin = 0.1 * labels[i] * float(np.maximum(pre, 0) @ top)
                pull = 0.1 * labels[i] / (1 + math.exp(margin)) / 240
                move += pull * np.outer(top * (pre > 0), images[i])
            w += 4 / 0.1**2 * move
            for row, begin in zip(w, start, strict=True):
                away = np.linalg.norm(row - begin)
                if away > 3 / math.sqrt(24):
                    row[:] = begin + (row - begin) * 3 / math.sqrt(24) / away
        traveled = max(np.linalg.norm(a - b) for a, b in zip(w, start, strict=True))
        assert last.after == 7 and last.traveled == pytest.approx(traveled, rel=1e-12)
        assert last.traveled_scaled == pytest.approx(3, rel=1e-12)

        def f(points):
            return np.maximum(points @ w.T, 0) @ top

        right = [i for i in held if f(images[i]) * labels[i] > 0]
        assert last.accuracy == len(right) / 120
        sizes, linear = [], []
        for i in right:
            g = (top * (w @ images[i] > 0)) @ w
            way = -labels[i] * g / np.linalg.norm(g)
            linear.append(
                f(images[i] + 2 * abs(f(images[i])) / np.linalg.norm(g) * way) * labels[i] <= 0
            )
            # On the line f is linear between the places where a unit is 0.
            bends = -(w @ images[i]) / (w @ way)
            at = np.array([0, *np.sort(bends[(bends > 0) & (bends < 12.5)]), 12.5])
            values = f(images[i] + at[:, None] * way) * labels[i]
            after = np.flatnonzero(values <= 0)
            if not after.size:
                sizes.append(math.inf)
                continue
            k = after[0]
            part = values[k - 1] / (values[k - 1] - values[k])
            sizes.append(at[k - 1] + part * (at[k] - at[k - 1]))
        # Steps go on by ulps until an evaluation shows the other sign.
        assert last.relative_norm == pytest.approx(np.median(sizes), rel=1e-11)
        assert last.scaled_norm == pytest.approx(4 * np.median(sizes), rel=1e-11)
        assert last.linear_share == np.mean(linear)
        for c in (1, 2, 4):
            assert last[f"robust_{c}"] == np.sum(np.array(sizes) > c / 4) / 120

    def test_is_repeatable_and_starts_untrained(self):
        one, two = toy(), toy()
        assert one.equals(two)
        assert (one[one.after == 0].traveled == 0).all()

    def test_a_smaller_scale_travels_farther(self):
        del TOY["reach"]
        try:
            small, large = (toy(scale=s).traveled.max() for s in (0.01, 1.0))
        finally:
            TOY["reach"] = 3.0
        assert small > 10 * large

    def test_training_against_steps_makes_them_longer(self):
        params = {"width": 64, "updates": 64, "reach": 100.0}
        plain, against = (
            rr.sweep("lazy", points=[params | {"adversary": a}], trials=2, rng=1).to_pandas()
            for a in (0.0, 0.25)
        )
        sizes = [t[t.after == 64].relative_norm.to_numpy() for t in (plain, against)]
        assert np.all(sizes[1].min() > sizes[0].max())

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"size": 1}, "size must be at least 2, got 1"),
            ({"reach": 0.0}, "reach must be a positive number"),
            ({"scale": -1.0}, "scale must be a positive number"),
            ({"adversary": 1.0}, "adversary must be below 1, the norm of an image, got 1.0"),
            ({"updates": 0}, "updates must be at least 1, got 0"),
            ({"depth": 2}, "lazy does not take 'depth'"),
        ],
    )
    def test_parameters_are_checked(self, changed, message):
        with pytest.raises(ValueError, match=message):
            rr.sweep("lazy", points=[TOY | changed], trials=1)
