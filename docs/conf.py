"""The documentation site: `make docs` builds it of the Markdown that the repository has anyway.

The source folder is the repository, not `docs`: pages link to the README, to the page on tests and
to files beside the code, and these links work in the checkout and in the site alike.
"""

from __future__ import annotations

import sys
from pathlib import Path

_DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(_DOCS), str(_DOCS.parent)]

from voxgpu import __version__  # noqa: E402 - the path first

project = "voxgpu"
author = "The voxgpu maintainers"
copyright = "The voxgpu maintainers, Apache-2.0"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx_external_toc",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "_extension",
    # The page of primitives shows an example of each with its picture, which are made then.
    "benchmarks.primitive_pictures.sphinx_extension",
]
root_doc = "docs/index"
external_toc_path = str(_DOCS / "_toc.yml")
include_patterns = [
    "docs/**.md",
    "docs/**.rst",
    "docs/**.ipynb",
    "README.md",
    "CHANGELOG.md",
    "kernels/README.md",
    "tests/README.md",
]
exclude_patterns = [
    ".*",
    "**/.*",
    ".venv",
    ".venvs",
    "build",
    "dist",
    "benchmark-output",
    "demo-output",
    "benchmarks",
    "voxgpu",
]
nitpicky = True
# Types of Python and NumPy have their pages elsewhere, which building would need a network to know.
nitpick_ignore_regex = [("py:.*", r"(?!voxgpu\.[A-Z]).*")]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
# Notebooks are kept with their outputs, which a test compares.
nb_execution_mode = "off"
# Also what the manual says within backticks in docstrings.
default_role = "code"
highlight_language = "none"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "inherited-members": False}

html_theme = "pydata_sphinx_theme"
html_title = f"voxgpu {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "show_nav_level": 1,
    "show_toc_level": 2,
    "show_prev_next": True,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-light",
    "pygments_dark_style": "a11y-dark",
    "logo": {"text": "voxgpu"},
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True

linkcheck_timeout = 10
linkcheck_retries = 2
linkcheck_anchors = False
