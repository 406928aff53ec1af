"""The notebook of the examples runs, and every cell shows something worth looking at."""

from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "attack.ipynb"
PICTURES = ["line", "flips", "worst_flips", "plane", "sweep"]  # what the last line of a cell makes


@pytest.fixture(scope="module")
def cells():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_notebook_is_kept_without_outputs(cells):
    assert cells and all(not cell.outputs and cell.execution_count is None for cell in cells)


def test_every_cell_ends_with_a_result_that_is_shown(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()  # raises where a cell does
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        assert not [o for o in cell.outputs if o.output_type in ("stream", "error")], cell.source
        results = [o for o in cell.outputs if o.output_type == "execute_result"]
        (result,) = results
        html = result.data["text/html"]
        last = cell.source.splitlines()[-1].removeprefix("rr.").partition("(")[0]
        assert "<table>" in html, cell.source
        assert ("<img" in html) == (last in PICTURES), last
