"""The notebook as an app, a real browser that looks at it, and what it makes in this process."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.browser import Browser  # noqa: E402
from tools.notebook_server import NOTEBOOK, serving  # noqa: E402


@pytest.fixture(scope="session")
def notebook():
    return NOTEBOOK


@pytest.fixture(scope="module")  # no longer: the molecule goes on shaking, a sixth of a core for all tests that follow
def page(tmp_path_factory):
    """The app, opened in Chromium and shown to its end."""
    folder = tmp_path_factory.mktemp("notebook")
    with serving([], folder) as address, Browser() as browser:
        browser.open(address)
        browser.until("deep('h2').some(h => h.textContent == 'Send it to PyMOL')")
        browser.until("deep('canvas.edmnoise-molecule')[0]?.dataset.draws == 10")
        browser.folder = folder  # the one that the app runs in
        yield browser


@pytest.fixture
def study(monkeypatch):
    """The notebook as a module, its cells not run yet."""
    return _loaded(monkeypatch)


@pytest.fixture(scope="module")
def made():
    """What the cells define when all of them are run, as `python examples/study.py` does: by name."""
    with pytest.MonkeyPatch.context() as patch:
        _, definitions = _loaded(patch).app.run()
    return definitions


def _loaded(patch):
    patch.setattr(sys, "argv", [str(NOTEBOOK)])  # where it looks for a file
    spec = spec_from_file_location("study", NOTEBOOK)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
