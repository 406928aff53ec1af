"""What the gallery needs to know of the scripts in examples/."""

import builtins
from pathlib import Path

from sphinx_gallery.scrapers import figure_rst

ORDER = (
    "attack_line", "own_network", "flips_in_a_ball", "bracket", "distance", "plane", "cell",
    "statement", "scaling", "depth", "width", "limit", "deferred", "own_sweep", "figure_1",
)  # fmt: skip


class Order:
    """Sorts scripts as a reader meets their subjects, and those without a place last."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name):
        """Return what a script is sorted by."""
        stem = Path(name).stem
        return (ORDER.index(stem) if stem in ORDER else len(ORDER), stem)


def tell_file(gallery_conf, script):
    """Let a script find what lies beside it: the gallery runs scripts without their __file__."""
    builtins.__file__ = str(script)


def scrape(block, block_vars, gallery_conf):
    """Show the pictures that a part of a script has saved beside itself."""
    folder = Path(block_vars["src_file"]).parent
    shown = []
    for picture in sorted(folder.glob("*.png"), key=lambda path: path.stat().st_mtime_ns):
        target = Path(next(block_vars["image_path_iterator"]))
        picture.replace(target)
        shown.append(str(target))
    return figure_rst(shown, gallery_conf["src_dir"])
