"""Python runs this file in every process of a recorded command before the program, and hooks.py listens from then on.

It must do so in any Python: what is written here is Python 2 as well. The folder holds nothing else, for it is on the
program's path until this file has run.
"""

import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [place for place in sys.path if os.path.abspath(place or os.curdir) != _here]

if sys.version_info >= (3, 10):
    try:
        import importlib.util

        # By its path: edmnoise itself need not be importable here.
        _home = os.path.dirname(_here)
        _spec = importlib.util.spec_from_file_location(
            "_edmnoise_listening", os.path.join(_home, "__init__.py"), submodule_search_locations=[_home]
        )
        assert _spec is not None
        assert _spec.loader is not None
        _listening = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
        _spec.loader.exec_module(_listening)
        importlib.import_module("_edmnoise_listening.hooks").listen(os.environ)
    except Exception as error:
        sys.stderr.write("edmnoise: nothing is recorded, the run goes on: %s: %s\n" % (type(error).__name__, error))

if sys.version_info >= (3, 4):
    # The program's own, which Python would have run.
    import importlib.machinery
    import importlib.util

    _own = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if _own is not None and _own.loader is not None:
        sys.modules["sitecustomize"] = importlib.util.module_from_spec(_own)
        _own.loader.exec_module(sys.modules["sitecustomize"])
