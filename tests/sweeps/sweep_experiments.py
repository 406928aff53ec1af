"""Experiments for the tests of sweeps, in a module that other processes can import."""

import os
import signal
import sys
import threading
import time
from pathlib import Path


def cheap(params, rng):
    return {"value": float(rng.standard_normal()), "twice": 2 * params["a"]}


def slow(params, rng):
    time.sleep(params.get("seconds", 0.01))
    return cheap(params, rng)


def several(params, rng):
    return [{"layer": i, "value": float(rng.random())} for i in range(params["a"])]


def fails_at_three(params, rng):
    value = float(rng.random())
    if params["a"] == 3:
        raise ArithmeticError(f"three is too many, drew {value}")
    return {"value": value}


def fails_once(params, rng):
    mark = Path(params["folder"]) / "failed"
    if not mark.exists():
        mark.touch()
        raise ArithmeticError("only once")
    return {"value": float(rng.random())}


def dies_of_half(params, rng):
    """Kill the worker in about one trial of twenty, always the same ones."""
    value = float(rng.random())
    if value < 0.05 * params["a"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": value}


def dies_while_it_sends(params, rng):
    """Kill the worker when the pipe to the parent has half of a result, the first time."""
    mark = Path(params["folder"]) / "died"
    if params["a"] != 2 or mark.exists():
        return {"value": float(rng.random()), "text": ""}
    main = threading.main_thread().ident

    def watch():
        while sys._current_frames()[main].f_code.co_name != "_send":
            time.sleep(0.001)
        time.sleep(0.005)
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    return {"value": float(rng.random()), "text": 100_000_000 * "x"}


def pids(params, rng):
    time.sleep(0.02)
    return {"pid": os.getpid()}


def share(params, rng):
    from randrelu._support.threads import thread_number

    return {"threads": thread_number(None)}


def mixed(params, rng):
    return {"value": 1 if params["a"] == 1 else 0.5, **({"more": True} if params["a"] == 2 else {})}


def sometimes_a_word(params, rng):
    value = float(rng.random())
    return {"value": "a word" if value > 0.98 else value}


def large_or_half(params, rng):
    return {"value": 2**60 + 1 if rng.random() < 0.5 else 0.5}


def nothing(params, rng):
    return []


def slow_at_first(params, rng):
    mark = Path(params["folder"]) / "begun"
    if not mark.exists():
        mark.touch()
        time.sleep(1.1)
    return {"value": float(rng.random())}


def words_or_numbers(params, rng):
    return {"value": "a word" if params["a"] == 2 else 1.0}
