"""Protenix's own loop on the exact denoiser of chains of 1TII: freeze-out from its traces, against what it did."""

import numpy as np
import pytest

from edmnoise.frames.displacement import NESTED
from edmnoise.structure.files import write_frames
from edmnoise.structure.structure import Structure
from edmnoise.trajectories.laid import run_of

SEEDS = 5


@pytest.fixture(scope="module")
def subunits(toxin):
    """Residues 1 to 35 of the subunits D, E and F: 810 atoms."""
    chosen = np.isin(toxin.atoms.chain, ["D", "E", "F"]) & (toxin.atoms.number.astype(int) <= 35)
    return Structure.from_atoms(toxin.coordinates[chosen], toxin.atoms.take(chosen))


@pytest.fixture(scope="module")
def exact(subunits, tmp_path_factory, driven):
    file = tmp_path_factory.mktemp("exact") / "subunits.cif"
    write_frames(file, subunits, subunits.coordinates[None])
    return driven("protenix", "drive_exact.py", "--structure", file, "--samples", 4, "--seeds", SEEDS)


def test_what_it_makes_is_the_same_to_the_bit(exact):
    exact.assert_untouched()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_freeze_out_is_that_of_the_loop(subunits, exact, seed):
    """Of atom, residue and chain, within a hundredth of the 1 % that were asked for: the motion was recorded."""
    laid = run_of(exact.traces[seed], subunits)
    assert laid.laid is not None
    assert laid.laid.how == "motion"
    found = laid.freeze_out()
    assert [found[part] for part in NESTED] == pytest.approx(exact.plain["freeze_out"][seed], rel=1e-4)
    assert len({round(found[part], 1) for part in NESTED}) == len(NESTED)
