"""What it costs when another library has brought a second OpenMP run time into the process.

Run it as a script. It measures a batch of attacks in processes that load scikit-learn, and PyTorch
where it is installed, before randrelu or after it, and in processes that load neither, in turns. It
fails where the fastest with another takes more than a tenth longer than the fastest without.
"""

import importlib.util
import subprocess
import sys

ROUNDS, SLOWER = 9, 1.1
MEASURE = """
import importlib, sys, time
before, after = (names.split(',') if names else [] for names in sys.argv[1:])
def use(names):
    for name in names:
        module = importlib.import_module(name)
        if name == 'torch':  # so that its threads have been started
            module.ones(2000, 2000) @ module.ones(2000, 2000)
        else:
            import numpy as np
            from sklearn.cluster import KMeans
            KMeans(4, n_init=1).fit(np.random.default_rng(0).standard_normal((4000, 8)))
use(before)
import numpy as np, randrelu as rr
net = rr.Network.random((512, 1024, 1024, 1), rng=0, storage='stored')
x = np.random.default_rng(1).standard_normal((64, 512))
rr.gradient_step(net, x)
use(after)
times = []
for _ in range(7):
    began = time.perf_counter()
    rr.gradient_step(net, x)
    times.append(time.perf_counter() - began)
print(min(times))
"""


def seconds(before: str, after: str) -> float:
    """Return the fastest of a few batches, in a process of its own, which must not hang."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, before, after],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return float(done.stdout)


def main() -> None:
    """Measure in turns, and say how much longer it takes."""
    others = [name for name in ("sklearn", "torch") if importlib.util.find_spec(name)]
    cases = {"alone": ("", "")}
    for name in others:
        cases[f"{name} loaded before"] = (name, "")
        cases[f"{name} loaded after"] = ("", name)
    best = dict.fromkeys(cases, float("inf"))
    for _ in range(ROUNDS):
        for case, (before, after) in cases.items():
            best[case] = min(best[case], seconds(before, after))
    slow = []
    for case, fastest in best.items():
        ratio = fastest / best["alone"]
        print(f"{case}: {1000 * fastest:.2f} ms, {ratio:.2f} × alone")
        if ratio > SLOWER:
            slow.append(case)
    if slow:
        sys.exit(f"slower by more than a tenth: {', '.join(slow)}")


if __name__ == "__main__":
    main()
