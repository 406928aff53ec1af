"""What notebooks show of results: well-formed, small, without scripts, and never an error."""

import base64
import inspect
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import randrelu as rr
from randrelu._support.shown import Shown, table

NET = rr.Network.random((6, 20, 10, 1), rng=0)
SEVERAL = rr.Network.random((6, 20, 10, 3), rng=0)
FLAT = rr.Network.random((6, 1), rng=0)
DEFERRED = rr.Network.random((6, 20, 10, 1), rng=0, storage="deferred")
X = np.ones(6)
RADII = [0.3, 0.1]

# What makes a result, and whether it has a picture.
RESULTS = {
    "attack": (lambda: rr.gradient_step(NET, X), False),
    "attacks": (lambda: rr.gradient_step(SEVERAL, [X] * 30, eta=[0.1, 0.2]), False),
    "bounds": (lambda: rr.bounds(NET, X, 0.1), False),
    "bounds of two": (lambda: rr.bounds(NET, [X, X], 0.1), False),
    "cell": (lambda: rr.cell(NET, X), False),
    "check": (lambda: rr.check("lemma-2.2", widths=(20, 10, 1), trials=5, rng=0), False),
    "deviation": (lambda: rr.gradient_deviation(NET, X, 0.1, 30, rng=0), False),
    "deviations": (lambda: rr.gradient_deviation(NET, X, RADII, 30, rng=0, terms=True), False),
    "distance": (lambda: rr.distance(NET, X), True),
    "distances": (lambda: rr.distance(SEVERAL, [X, 2 * X]), True),
    "no distances": (lambda: rr.distance(SEVERAL, np.empty((0, 6))), False),
    "extremes": (lambda: rr.extremes(NET, radius=1.0, rng=0), False),
    "facets": (lambda: rr.cell(NET, X).facets(), False),
    "figure 1": (lambda: rr.figure_1(30, [5, 10], 2, rng=0), True),
    "flips": (lambda: rr.flips(NET, X, 0.1, 30, rng=0), True),
    "flips at radii": (lambda: rr.flips(NET, X, RADII, 30, rng=0), True),
    "no flips": (lambda: rr.flips(NET, X, points=np.empty((0, 6))), False),
    "flips at no radii": (lambda: rr.flips(NET, X, [], 30, rng=0), False),
    "flips at radius 0": (lambda: rr.flips(NET, X, [0.0, 0.0], 30, rng=0), False),
    "flips of no layers": (lambda: rr.flips(FLAT, X, RADII, 30, rng=0), False),
    "deviation at no radii": (lambda: rr.gradient_deviation(NET, X, [], 30, rng=0), False),
    "limit": (lambda: rr.LimitNetwork(6, 2, rng=0), False),
    "line": (lambda: rr.line(NET, X, np.arange(6.0), 10.0), True),
    "lipschitz": (lambda: rr.lipschitz(NET, X, 0.1), False),
    "network": (lambda: NET, False),
    "deep network": (lambda: rr.Network.random([2] * 40 + [1], rng=0), False),
    "margin": (lambda: SEVERAL.margin(0, 2), False),
    "pattern": (lambda: NET.pattern(X), False),
    "patterns": (lambda: NET.pattern([X, -X]), False),
    "no patterns": (lambda: NET.pattern(np.empty((0, 6))), False),
    "plane": (lambda: rr.plane(NET, X, np.arange(6.0), np.ones(6)), True),
    "plane of decisions": (lambda: rr.plane(SEVERAL, X, np.arange(6.0), np.ones(6)), True),
    "revealed": (lambda: rr.Network.random((6, 20, 1), rng=0, storage="deferred").revealed, False),
    "worst deviation": (lambda: rr.worst_deviation(NET, X, RADII), True),
    "worst flips": (lambda: rr.worst_flips(NET, X, 0.1), True),
    "worst flips at radii": (lambda: rr.worst_flips(NET, X, RADII, certify=False), True),
    "worst flips at no radii": (lambda: rr.worst_flips(NET, X, []), False),
    "worst flips of no layers": (lambda: rr.worst_flips(FLAT, X, RADII), False),
    "worst deviation at no radii": (lambda: rr.worst_deviation(NET, X, []), False),
    "worst flips of a deferred one": (lambda: rr.worst_flips(DEFERRED, X, 0.1), True),
    "worst flips of a layer": (lambda: rr.worst_flips(NET, X, RADII, layer=2), True),
}


class Reader(HTMLParser):
    """Reads a page's rows and pictures, and holds that every element is closed."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.rows, self.pictures, self.tags = [], [], [], set()
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "img":
            self.pictures.append(dict(attrs))
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_every_result_of_the_public_face_is_shown():
    classes = {value for value in vars(rr).values() if inspect.isclass(value)}
    # What users write themselves, and three numbers in a tuple.
    assert {c.__name__ for c in classes if not issubclass(c, Shown)} == {
        "Differentiable",
        "Linearity",
    }
    here = {type(make()) for make, _ in RESULTS.values()}
    others = {"Report", "Study", "Sweep"}  # these take a folder: see their rooms
    assert {c.__name__ for c in classes if issubclass(c, Shown)} == {
        c.__name__ for c in here
    } | others


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_a_small_table_with_a_picture_where_it_has_one(name):
    make, has_picture = RESULTS[name]
    result = make()
    html = result._repr_html_()
    read = Reader(html)
    assert read.tags <= {"div", "p", "code", "table", "thead", "tbody", "tr", "th", "td", "img"}
    assert len({len(row) for row in read.rows}) <= 1 and len(read.rows) <= 21
    assert len(html) < 200_000
    assert ("color" in re.sub("<img[^>]*>", "", html)) is False  # a notebook's own, light or dark
    assert (result._shown_picture() is not None) == has_picture  # for `_repr_html_` hides errors
    assert len(read.pictures) == has_picture
    for picture in read.pictures:
        head, data = picture["src"].split(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")
        assert picture["alt"] == repr(result)


def test_the_table_has_the_columns_of_the_result():
    result = rr.gradient_step(NET, [X, -X])
    head, *rows = Reader(result._repr_html_()).rows
    assert head == list(result.columns())
    f = head.index("f_before")
    assert [row[f] for row in rows] == [f"{value:.4g}" for value in result.f_before]


def test_long_and_wide_tables_say_what_they_leave_out():
    html = table({f"c{k}": np.arange(1000.0) for k in range(30)})
    read = Reader(html)
    assert len(read.rows) == 21 and len(read.rows[0]) == 12
    assert read.rows[-1] == ["19"] * 12
    assert "… and 980 more rows and 18 more columns" in html
    assert "more" not in table({"a": range(20)})


def test_what_others_have_named_is_escaped():
    html = table({"<script>": ["<b>&", None, [1.5, "<i>"], "x" * 1000]})
    read = Reader(html)
    assert [row[0] for row in read.rows[:4]] == ["<script>", "<b>&", "", "1.5, <i>"]
    assert len(read.rows[4][0]) < 500 and "script" not in read.tags


def test_without_matplotlib_the_table_is_alone(run_python):
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import numpy as np, randrelu as rr\n"
        "net = rr.Network.random((6, 20, 10, 1), rng=0)\n"
        "for html in (rr.line(net, np.ones(6), np.arange(6.0), 10.0)._repr_html_(),\n"
        "             rr.flips(net, np.ones(6), 0.1, 30, rng=0)._repr_html_()):\n"
        "    print('<table>' in html, '<img' in html)\n"
    )
    done = run_python(code)
    assert done.stdout == "True False\n" * 2, done.stderr
