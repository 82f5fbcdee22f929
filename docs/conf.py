"""The documentation: `make docs`. Nothing is fetched, while it is made or while it is read."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import edmnoise

project = "edmnoise"
author = "the edmnoise developers"
project_copyright = author
version = release = edmnoise.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "mathml",
    "session",
    "drawn",
    "gallery",
    "findings",
    "help_pages",
    "figures",
    "preconditioning",
    "modules",
]

html_theme = "furo"
html_title = f"edmnoise {version}"
html_static_path = ["_static"]
html_css_files = ["edmnoise.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#3f51b5", "color-brand-content": "#3f51b5"},
    "dark_css_variables": {"color-brand-primary": "#b7a4e8", "color-brand-content": "#b7a4e8"},
}

highlight_language = "none"
smartquotes = False
default_role = "code"

# Of short names in signatures that several modules have (Ensemble, Progress) Sphinx links the first, and would say so.
suppress_warnings = ["ref.python"]
exclude_patterns = ["_ext"]

napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {"ArrayLike": "ArrayLike"}
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
add_module_names = False
toc_object_entries_show_parents = "hide"
