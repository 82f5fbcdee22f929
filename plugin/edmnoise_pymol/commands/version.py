"""edm_version: what a report of a mistake has to say of the programs."""

from __future__ import annotations

from typing import Any

from ..job import Job
from .speech import command


@command
def edm_version(*, quiet: Any = 1, _self: Any = None) -> Job[str]:
    """
    DESCRIPTION

        "edm_version" prints the versions of edmnoise, of PyMOL and of what they
        run on, as a block to copy into a report.

    EXAMPLES

        edm_version

    NOTES

        The same without PyMOL, in a shell: python -m edmnoise version

    SEE ALSO

        edm_panel
    """
    from edmnoise.base.versions import versions

    from ..scene.program import facts

    yield from ()  # a job that has no work for another thread
    said = versions(facts(_self))
    if not int(quiet):
        print(said)
    return said
