"""edm_domains: a level between residues and chains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edmnoise.settings import atoms, results

from ..job import Job
from .speech import command, show, table_file, write

if TYPE_CHECKING:
    from edmnoise.base.table import Table


@command
def edm_domains(
    name: str = atoms.SHOWN_OBJECT,
    domains: str | None = atoms.DOMAINS,
    file: str | None = results.TABLE,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[Table]:
    """
    DESCRIPTION

        "edm_domains" gives an object domains, a level between residues and
        chains, and prints them. From then on every command takes four levels
        of it: weights may be four numbers (chain domain residue atom), tables
        have a domain more, edm_color takes level=domain. Every atom is in one
        domain, and every residue whole; a domain in two chains is two.

    EXAMPLES

        edm_domains 1tii, chain A and resi 4-100 | rest
        edm_domains 1tii, A:4-100 | A:101-192 | rest
        edm_domains 1tii, ss
        edm_domains 1tii
        edm_domains 1tii, none

    NOTES

        Domains are kept in the property custom of the atoms ("domain 3"):
        copies of the object, frames that are made of it and sessions have
        them too, files do not. What else the property held is replaced.

    SEE ALSO

        edm_noise, edm_levels, edm_color
    """
    from ..jobs import domains as jobs

    path = table_file(file)
    table = yield from jobs.domains(_self, name, domains)
    show(quiet, table)
    write(quiet, "edm_domains", table, path)
    return table
