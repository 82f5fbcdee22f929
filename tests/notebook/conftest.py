"""The notebook as an app, a real browser that looks at it, and what it makes in this process."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.browser import Browser  # noqa: E402
from tools.notebook_server import NOTEBOOK, serving  # noqa: E402


@pytest.fixture(scope="session")
def notebook():
    return NOTEBOOK


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """The app, opened in Chromium and shown to its end."""
    with serving([], tmp_path_factory.mktemp("notebook")) as address, Browser() as browser:
        browser.open(address)
        browser.until("deep('h2').some(h => h.textContent == 'Send it to PyMOL')")
        browser.until("deep('canvas.edmnoise-molecule')[0]?.dataset.draws == 10")
        yield browser


@pytest.fixture(scope="session")
def made():
    """What the cells define when all of them are run, as `python examples/study.py` does: by name."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("study", NOTEBOOK)
    module = module_from_spec(spec)
    argv, sys.argv = sys.argv, [str(NOTEBOOK)]
    try:
        spec.loader.exec_module(module)
        _, definitions = module.app.run()
    finally:
        sys.argv = argv
    return definitions
