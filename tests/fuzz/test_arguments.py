"""What is no valid argument is refused by name: nothing crashes, hangs or answers nonsense."""

import inspect
import re
import signal
from contextlib import contextmanager

import numpy as np
import pytest
import randrelu as rr
from calls import CALLS, FOREIGN, Call
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from kinds import HUGE, KINDS
from randrelu import laws

LONGEST = 20  # seconds that a call on a dozen units may take
# The documented refusals. A layer that is not there is an IndexError, as of a sequence.
REFUSALS = (ValueError, TypeError, IndexError, MemoryError, OverflowError, OSError)
UNNAMED = (MemoryError, OverflowError, OSError)  # say what does not fit or is not there


@contextmanager
def soon():
    """Fail where the block takes more than LONGEST seconds."""

    def late(*_):
        raise AssertionError(f"no answer after {LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def refused(call: Call, **changed) -> bool:
    """Call with these arguments instead of valid ones, and say whether they are refused."""
    error = None
    try:
        with soon():
            call.function(**{**call.valid, **changed})
    except REFUSALS as found:
        error = found
    if error is None:
        return False
    said = str(error)
    named = any(re.search(rf"\b{name}\b", said) for name in call.kinds)
    assert named or isinstance(error, UNNAMED), f"{changed}: {error!r} names no argument"
    assert "incompatible function arguments" not in said, f"the core was asked: {said}"
    return True


def optional(function, argument):
    """Whether None is the default of an argument."""
    given = inspect.signature(function).parameters.get(argument)
    return given is not None and given.default is None


NUMBERS = st.one_of(
    st.integers(-3, 5), st.sampled_from([HUGE, -HUGE, 2**31, 2**63, 2**64]), st.floats(),
    st.floats(width=32).map(np.float32), st.booleans(), st.integers(-128, 127).map(np.int8),
)  # fmt: skip
ARRAYS = st.one_of(
    arrays(st.sampled_from([np.float64, np.float32, np.int64, np.bool_, np.complex64]),
           array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)),
    arrays(np.float64, st.sampled_from([(4,), (1, 4), (2, 4), (0, 4)])),
)  # fmt: skip
ANYTHING = st.recursive(
    st.one_of(NUMBERS, ARRAYS, st.none(), st.text(max_size=8), st.binary(max_size=4)),
    lambda some: st.one_of(
        st.lists(some, max_size=4), st.dictionaries(st.text(max_size=3), some, max_size=2)
    ),
    max_leaves=5,
)
# So many would be made or taken one by one: valid, and long.
TAKES_LONG = {"steps", "rounds", "natural", "count", "rank", "widths", "one output", "grid"}


def long_work(kind, value):
    return kind in TAKES_LONG and isinstance(value, int) and 1000 < value < HUGE


@pytest.mark.parametrize("name", [name for name in CALLS if name not in FOREIGN])
def test_valid_calls_are_answered(name):
    call = CALLS[name]
    if any(str(value).startswith("/dev/null/") for value in call.valid.values()):
        with pytest.raises(OSError, match="/dev/null"):
            call.function(**call.valid)
    else:
        assert not refused(call)


@pytest.mark.parametrize("name", CALLS)
def test_what_is_wrong_is_refused_by_name(name):
    if name == "Network.from_torch":
        pytest.importorskip("torch")
    call = CALLS[name]
    for argument, kind in call.kinds.items():
        for value in KINDS[kind]:
            if value is None and optional(call.function, argument):
                continue
            assert refused(call, **{argument: value}), f"{argument}={value!r} is answered"


@pytest.mark.parametrize("name", [name for name in CALLS if name not in FOREIGN])
@settings(max_examples=settings().max_examples // 4)
@given(data=st.data())
def test_anything_is_answered_or_refused_by_name(name, data):
    call = CALLS[name]
    # The parameters in a grid have names of their own, which errors say.
    names = st.sets(st.sampled_from(sorted(call.kinds.keys() - {"grid"})), min_size=1, max_size=2)
    changed = {n: data.draw(ANYTHING, label=n) for n in sorted(data.draw(names))}
    if not any(long_work(call.kinds[n], value) for n, value in changed.items()):
        refused(call, **changed)


def test_every_public_function_is_called():
    tried = {name.split(" ")[0].removeprefix("laws.") for name in CALLS}
    public = {name for name in rr.__all__ if not isinstance(getattr(rr, name), type)}
    assert public - tried == {"reproduce", "study"}  # whole reports, whose options others test
    of_laws = {name for name in laws.__all__ if callable(getattr(laws, name))}
    assert of_laws - tried == {"LimitKernel", "LimitStep", "NormLaw"}
