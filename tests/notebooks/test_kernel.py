"""Long work in a real notebook: it shows a bar, and an interrupt of the kernel ends it."""

import sys
import time

import pytest
from jupyter_client.manager import start_new_kernel

WITHIN = 60  # seconds, for what takes one or two


class Notebook:
    """A kernel, and what its cells displayed."""

    def __init__(self, manager, client):
        self.manager, self.client = manager, client

    def run(self, code, *, interrupt_at=None):
        """Run a cell; return its reply, and all it displayed with the updates of that.

        The kernel is interrupted at the first display that has the words of `interrupt_at`.
        """
        sent = self.client.execute(code, stop_on_error=False)
        shown, interrupted, end = [], None, time.monotonic() + WITHIN
        while True:
            message = self.client.get_iopub_msg(timeout=end - time.monotonic())
            if message["parent_header"].get("msg_id") != sent:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind in ("display_data", "update_display_data", "execute_result"):
                shown.append((kind, content["data"].get("text/html", "")))
            if kind == "stream":
                shown.append((kind, content["text"]))
            due = interrupt_at is not None and any(interrupt_at in words for _, words in shown)
            if due and interrupted is None:
                interrupted = time.monotonic()
                self.manager.interrupt_kernel()
        self.seconds_to_stop = None if interrupted is None else time.monotonic() - interrupted
        reply = self.client.get_shell_msg(timeout=WITHIN)["content"]
        return reply, shown


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    manager, client = start_new_kernel(
        startup_timeout=WITHIN, cwd=str(tmp_path_factory.mktemp("notebook"))
    )
    made = Notebook(manager, client)
    reply, _ = made.run("import numpy as np, randrelu as rr")
    assert reply["status"] == "ok"
    yield made
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def bars(shown):
    return [html for kind, html in shown if kind == "update_display_data" and "<progress" in html]


def test_a_result_is_shown_as_its_table(notebook):
    _, shown = notebook.run("rr.gradient_step(rr.Network.random((9, 20, 1), rng=0), np.ones(9))")
    ((kind, html),) = shown
    assert kind == "execute_result" and "<table>" in html and "relative_norm" in html


def test_a_sweep_shows_a_bar_that_is_gone_in_the_end(notebook):
    reply, shown = notebook.run(
        "found = rr.sweep('attack', grid={'width': [20], 'depth': [1]}, trials=30, rng=0)"
    )
    assert reply["status"] == "ok"
    kinds = [kind for kind, _ in shown]
    assert kinds[0] == "display_data" and set(kinds[1:]) == {"update_display_data"}
    assert bars(shown)[0].startswith('<progress value="0" max="30">')
    assert bars(shown)[-1].startswith('<progress value="30" max="30">')
    assert "30 of 30 trials" in bars(shown)[-1]
    assert shown[-1] == ("update_display_data", "")


def test_a_caller_s_progress_is_told_instead(notebook):
    reply, shown = notebook.run(
        "told = []\n"
        "rr.sweep('attack', grid={'width': [20], 'depth': [1]}, trials=3, rng=0,\n"
        "         progress=lambda *at: told.append(at));\n"
        "print(told[-1])"
    )
    assert reply["status"] == "ok" and shown == [("stream", "(3, 3)\n")]


def test_a_reproduction_shows_a_bar(notebook):
    reply, shown = notebook.run(
        "from randrelu.checks.statement import PlanRow\n"
        "from randrelu.reproduction import lead, plan, run\n"
        "small = {'widths': (20, 30, 1), 'trials': 5}\n"
        "rows = tuple(plan.Run('lemma-2.2', PlanRow('a', small, small, label=n)) for n in 'bc')\n"
        "run.PLAN, run.lead.pictures = rows, lambda *_: ()\n"
        "report = rr.reproduce('report', rng=0)"
    )
    assert reply["status"] == "ok", reply
    assert "2 of 2 runs" in bars(shown)[-1]
    _, shown = notebook.run("report")
    assert "lemma-2.2" in shown[-1][1] and "2 of 2 runs done" in shown[-1][1]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("executor", ["None", "1"])
def test_an_interrupt_ends_a_sweep_as_ctrl_c_does(notebook, executor):
    reply, shown = notebook.run(
        "rr.sweep('attack', grid={'width': [100], 'depth': [3]}, trials=10**6, rng=0,\n"
        f"         store='store-{executor}', executor={executor})",
        interrupt_at=" left",
    )
    assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
    assert notebook.seconds_to_stop < 10
    assert shown[-1] == ("update_display_data", "")
    # What was finished is kept, and the kernel goes on.
    reply, shown = notebook.run(f"print(rr.read_sweep('store-{executor}').to_arrow().num_rows > 0)")
    assert reply["status"] == "ok" and shown == [("stream", "True\n")]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_an_interrupt_ends_a_long_call_of_the_core(notebook):
    reply, _ = notebook.run(
        "net = rr.Network.random((2000, 20000, 20000, 1), rng=0, storage='streamed')\n"
        "import threading\n"
        "threading.Timer(1, print, ['a second later']).start()\n"
        "net.forward(np.ones((2000, 2000)))",  # 10¹² products
        interrupt_at="a second later",
    )
    assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
    assert notebook.seconds_to_stop < 10
    reply, shown = notebook.run("print(1 + 1)")
    assert reply["status"] == "ok" and shown == [("stream", "2\n")]
