"""How the documentation is built: `python -m sphinx -W docs docs-html`.

It needs the extra ``docs`` and no network. What is made on the way (the pages of functions, the
gallery, the page of statements) goes to ``docs/made/``, which git ignores.
"""

import shutil
import sys
from pathlib import Path

import randrelu

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project, author = "randrelu", "The randrelu authors"
copyright = author
version = release = randrelu.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "statements",  # in _ext/, like those that follow, and pictures
    "docstrings",
    "pages",
]
exclude_patterns = ["made/examples", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]

# Pages are Markdown that GitHub shows, too. A link to a heading that is not there is an error.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

nitpicky = True  # what has a name must be found: a link that leads nowhere stops the build
nitpick_ignore = {
    ("py:obj", name)
    for name in ("numpy.savez", "scipy.stats.kstest", "input_range", "ties")  # others', attributes
}
highlight_language = "none"  # of what has no language: mostly what an example prints

# Docstrings: `name` links to what has that name, and is emphasized where nothing has.
default_role = "autolink"
autosummary_generate = True
# Where a function and its result differ in capitals only, so would their files.
autosummary_filename_map = {
    f"randrelu.{name}": f"randrelu.{name}-result"
    for name in randrelu.__all__
    if name != name.lower() and name.lower() in randrelu.__all__
}
autodoc_typehints = "none"  # numpydoc's sections say the types
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # the template of a class lists them
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
# Pages without any below them have nothing to show beside them.
ALONE = ["start", "speed", "compare", "slips", "contributing", "changelog", "made/statements"]
html_sidebars = {page: [] for page in ALONE}
html_static_path = ["_static"]
html_css_files = ["randrelu.css"]
html_title = "randrelu"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "randrelu"},
    "show_prev_next": True,
    "navigation_with_keys": False,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

# The pages of studies are on the site as they are.
KEPT = HERE / "made" / "kept"
shutil.rmtree(KEPT, ignore_errors=True)
(KEPT / "studies").mkdir(parents=True)
for kept in (HERE / "studies").glob("*.html"):
    shutil.copy(kept, KEPT / "studies")
html_extra_path = ["made/kept"]

# The gallery runs copies of the scripts, so that a build does not change the pictures that are
# kept beside the scripts themselves. (`digits.py` only trains the network that others load.)
EXAMPLES = HERE / "made" / "examples"
shutil.rmtree(EXAMPLES, ignore_errors=True)
left = shutil.ignore_patterns("*.png", "digits.py")
shutil.copytree(HERE.parent / "examples", EXAMPLES, ignore=left)
sphinx_gallery_conf = {
    "examples_dirs": "made/examples",
    "gallery_dirs": "made/gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "pictures.Order",
    "image_scrapers": ("pictures.scrape",),
    "reset_modules": ("pictures.tell_file",),
    "backreferences_dir": "made/backreferences",
    "doc_module": ("randrelu",),
    "notebook_extensions": set(),  # the scripts find their data by __file__, which notebooks lack
    "download_all_examples": False,
    "abort_on_example_error": True,
    "min_reported_time": 1,
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
    "thumbnail_size": (480, 360),
}
