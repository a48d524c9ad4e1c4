"""Sphinx configuration. ``make docs`` builds the pages, warnings as errors, without a network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / '_ext'))

import mmnystrom

project = 'mmnystrom'
author = 'the mmnystrom authors'
copyright = '2026, the mmnystrom authors'
release = version = mmnystrom.__version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
    'mathml',
    'readmes',
]
exclude_patterns = ['_build']
html_theme = 'furo'
html_title = f'mmnystrom {release}'
html_static_path = ['_static']
html_math_renderer = 'mathml'

myst_enable_extensions = ['colon_fence', 'dollarmath', 'attrs_inline']
myst_heading_anchors = 3

autodoc_default_options = {'members': True, 'show-inheritance': True}
autodoc_member_order = 'bysource'
autodoc_typehints = 'none'  # the docstrings say what an argument is
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
