"""What noise destroys: lDDT and RMSD against biotite, everything else against counting every pair."""

import biotite.structure as biotite
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.clashes import Clashes, count_clashes
from edmnoise.frames.damage import Native, measure_damage
from edmnoise.frames.damage_measures import (
    BOND_LENGTHS,
    BROKEN,
    CLASHES,
    CONTACTS,
    FLIPPED,
    GYRATION,
    LDDT,
    MEASURES,
    RMSD,
)
from edmnoise.frames.geometry import find_centres
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.weights import Weights
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.bonds import VAN_DER_WAALS_RADII, find_bonds, is_heavy, radii_of, within_bonds
from edmnoise.structure.files import read_structure
from edmnoise.structure.structure import Structure


def noised(structure, sigma, frames=3, weights="flat", seed=0):
    mean = torch.tensor(structure.coordinates)
    noise = MultiscaleNoise(structure.hierarchy, Weights.named(weights))
    return noise.frames(sigma, frames, seed, mean).numpy()


def in_biotite(structure):
    atoms = biotite.AtomArray(structure.n_atoms)
    atoms.coord = structure.coordinates.copy()
    atoms.res_id = structure.hierarchy.ancestors(0, 1) + 1
    atoms.chain_id = structure.hierarchy.ancestors(0, 2).astype(str)
    atoms.res_name, atoms.atom_name = structure.atoms.residue_name, structure.atoms.name
    return atoms


def molecule(elements, coordinates, residues=None):
    """Carbon, or what is given, one chain; each atom a residue unless residues are given."""
    count = len(coordinates)
    atoms = Atoms.make(
        [f"X{k}" for k in range(count)],
        elements,
        ["UNK"] * count,
        residues or list(range(count)),
        ["A"] * count,
        [""] * count,
        [False] * count,
    )
    return Structure.from_atoms(coordinates, atoms)


@pytest.fixture(scope="module", params=["demo/il2.pdb", "tut/1hpv.pdb"])
def real(request, pymol_data):
    """A protein with hydrogens; two chains with a ligand."""
    return read_structure(pymol_data / request.param)


@pytest.fixture(scope="module")
def native(real):
    return Native.of(real)


@pytest.fixture(scope="module")
def small(fragment):
    return Native.of(fragment)


# lDDT and RMSD


def test_a_complex_of_seven_chains_is_biotites_too(toxin):
    frames = noised(toxin, 2.0, 2, "current")
    found = measure_damage(Native.of(toxin), [frames])
    np.testing.assert_allclose(found.by_frame[LDDT], biotite.lddt(in_biotite(toxin), frames), atol=1e-5)
    fitted, _ = biotite.superimpose(toxin.coordinates.copy(), frames)
    np.testing.assert_allclose(found.by_frame[RMSD], biotite.rmsd(toxin.coordinates, fitted), rtol=1e-5)


@pytest.mark.parametrize(("sigma", "weights"), [(0.3, "flat"), (2.0, "current"), (8.0, "rebalanced")])
def test_lddt_and_rmsd_are_biotites(real, native, sigma, weights):
    frames = noised(real, sigma, 2, weights)
    found = measure_damage(native, [frames])
    atoms = in_biotite(real)
    np.testing.assert_allclose(found.by_frame[LDDT], biotite.lddt(atoms, frames), atol=1e-5)
    each = biotite.lddt(atoms, frames, aggregation="residue")
    np.testing.assert_allclose(found.lddt_by_residue, each.mean(axis=0), atol=1e-5)
    fitted, _ = biotite.superimpose(real.coordinates.copy(), frames)
    np.testing.assert_allclose(found.by_frame[RMSD], biotite.rmsd(real.coordinates, fitted), rtol=1e-5)


def test_lddt_and_rmsd_of_a_real_motion(mda):
    """Adenylate kinase, the open form beside the closed one: some hinges, no noise."""
    closed, opened = (read_structure(mda(name)) for name in ("adk_closed.pdb", "adk_open.pdb"))
    found = measure_damage(Native.of(closed), [opened.coordinates[None]])
    atoms = in_biotite(closed)
    assert found.mean(LDDT) == pytest.approx(float(biotite.lddt(atoms, opened.coordinates)), abs=1e-5)
    assert found.mean(RMSD) > 5
    assert found.mean(LDDT) > 0.6
    assert found.mean(FLIPPED) < 0.01


def test_a_frame_of_its_own_keeps_everything(native, real):
    turned = real.coordinates @ Rotation.random(random_state=0).as_matrix().T + [5.0, -40.0, 12.0]
    found = measure_damage(native, [np.stack([real.coordinates, turned]).astype(np.float32)])
    np.testing.assert_allclose(found.by_frame[LDDT], 1)
    np.testing.assert_allclose(found.by_frame[RMSD], 0, atol=1e-4)
    np.testing.assert_allclose(found.by_frame[CONTACTS], 1, atol=2e-3)  # a contact of exactly 4.5 A may be rounded
    np.testing.assert_allclose(found.by_frame[BOND_LENGTHS], 0, atol=1e-4)
    for measure in (BROKEN, FLIPPED):
        np.testing.assert_array_equal(found.by_frame[measure], 0)
    np.testing.assert_allclose(found.by_frame[CLASHES], found.by_frame[CLASHES][0], atol=0.3)


# Bonds, contacts, clashes, size: every pair counted


def dense(frame):
    return np.linalg.norm(frame[:, None].astype(np.float64) - frame[None], axis=-1)


@pytest.mark.parametrize("sigma", [0.05, 0.5, 3.0])
def test_contacts_by_every_pair(real, native, sigma):
    structure, frames = real, noised(real, sigma, 2)
    residue, heavy = structure.hierarchy.ancestors(0, 1), is_heavy(structure)
    joined = np.zeros((structure.hierarchy.counts[1],) * 2, dtype=bool)
    ends = residue[find_bonds(structure)]
    joined[ends[:, 0], ends[:, 1]] = joined[ends[:, 1], ends[:, 0]] = True
    able = heavy[:, None] & heavy & (residue[:, None] != residue) & ~joined[residue[:, None], residue]
    contact = np.triu(able & (dense(structure.coordinates) <= 4.5))
    expected = [(contact & (dense(frame) <= 4.5)).sum() / contact.sum() for frame in frames]
    assert len(native.contacts) == pytest.approx(contact.sum(), abs=1)
    np.testing.assert_allclose(measure_damage(native, [frames]).by_frame[CONTACTS], expected, atol=2 / contact.sum())


@pytest.mark.parametrize("sigma", [0.001, 0.5, 3.0])
def test_clashes_by_every_pair(real, native, sigma):
    structure, frames = real, noised(real, sigma, 2)
    radii = radii_of(structure, VAN_DER_WAALS_RADII)
    able = is_heavy(structure) & (radii > 0)
    able = np.triu(able[:, None] & able, 1)
    able[tuple(within_bonds(find_bonds(structure), structure.n_atoms).T)] = False
    expected = [(able & (dense(frame) < radii[:, None] + radii - 0.4)).sum() for frame in frames]
    clashes = native.clashes
    np.testing.assert_allclose([count_clashes(clashes, frame) for frame in frames], expected, atol=1)
    np.testing.assert_allclose(
        measure_damage(native, [frames]).by_frame[CLASHES], 1000 * np.array(expected) / len(clashes.atoms), atol=0.7
    )


def test_bonds_by_a_loop(fragment, small):
    frames = noised(fragment, 0.4, 2)
    found = measure_damage(small, [frames])
    radius = {"C": 0.76, "N": 0.71, "O": 0.66, "S": 1.05}
    for k, frame in enumerate(frames):
        off, broken = [], 0
        for i, j in find_bonds(fragment):
            length = np.linalg.norm(frame[i].astype(float) - frame[j])
            off.append(length - np.linalg.norm(fragment.coordinates[i].astype(float) - fragment.coordinates[j]))
            allowed = radius[fragment.atoms.element[i]] + radius[fragment.atoms.element[j]] + 0.45
            broken += not 0.4 < length < allowed
        assert found.by_frame[BOND_LENGTHS][k] == pytest.approx(np.sqrt(np.mean(np.square(off))), rel=1e-5)
        assert found.by_frame[BROKEN][k] == pytest.approx(broken / len(off))
        assert 0 < broken < len(off)


def test_radius_of_gyration(fragment, small):
    frames = noised(fragment, 2.0)
    expected = [np.sqrt(((frame - frame.mean(axis=0)) ** 2).sum(axis=1).mean()) for frame in frames.astype(float)]
    np.testing.assert_allclose(measure_damage(small, [frames]).by_frame[GYRATION], expected, rtol=1e-5)


# Chirality


def test_every_amino_acid_but_glycine_has_its_alpha_carbon(toxin):
    centres = find_centres(toxin, find_bonds(toxin))
    alphas = sum({"N", "C", "CB", "CA"} == {toxin.atoms.name[i] for i in corner} for corner in centres.corners.tolist())
    whole = (toxin.atoms.name == "CB").sum()
    assert alphas == whole
    # valine, isoleucine and threonine at CB, leucine at CG: three heavy neighbours each, and nothing else
    branched = {"VAL": "CB", "ILE": "CB", "THR": "CB", "LEU": "CG"}
    names, residues = toxin.atoms.name, toxin.atoms.residue_name
    outer = {"VAL": "CG2", "ILE": "CG2", "THR": "CG2", "LEU": "CD2"}
    expected = sum(((residues == name) & (names == outer[name])).sum() for name in branched)
    assert len(centres) == alphas + expected


def test_a_mirror_image_flips_all_and_keeps_every_distance(real, native):
    mirrored = real.coordinates * np.float32([-1, 1, 1])
    found = measure_damage(native, [mirrored[None]])
    assert len(native.centres) > 10
    assert found.mean(FLIPPED) == 1
    assert found.mean(LDDT) == 1
    assert found.mean(BROKEN) == 0
    assert found.mean(RMSD) > 5


def test_swapping_two_atoms_flips_one_centre(fragment, small):
    names = fragment.atoms.name[:253].tolist()
    first = names.index("CB")  # of the first residue
    ca, n = names.index("CA"), names.index("N")
    moved = fragment.coordinates.copy()
    moved[[n, first]] = moved[[first, n]]
    found = measure_damage(small, [moved[None]])
    assert ca < first
    assert found.mean(FLIPPED) * len(small.centres) == pytest.approx(1)


def test_flat_centres_are_none():
    flat = [[0, 0, 0], [1.4, 0, 0], [-0.7, 1.2, 0], [-0.7, -1.2, 0.1]]
    assert len(Native.of(molecule(["C"] * 4, flat, [1] * 4)).centres) == 0
    peaked = [[0, 0, 0], [1.4, 0, 0.5], [-0.7, 1.2, 0.5], [-0.7, -1.2, 0.5]]
    assert len(Native.of(molecule(["C"] * 4, peaked, [1] * 4)).centres) == 1
    assert len(Native.of(molecule(["N", "C", "C", "C"], peaked, [1] * 4)).centres) == 0


# Together


def test_how_much_noise_is_eight_angstrom(fragment, small):
    """More noise never repairs anything: each measure goes one way, and the ends are known."""
    sigmas = [0.01, 0.1, 0.3, 1.0, 3.0, 8.0, 100.0]
    found = [measure_damage(small, [noised(fragment, sigma, 20)]) for sigma in sigmas]
    rising = {m: np.array([damage.mean(m) for damage in found]) for m in MEASURES}
    for measure, sign in ((LDDT, -1), (CONTACTS, -1), (RMSD, 1), (BOND_LENGTHS, 1), (BROKEN, 1), (GYRATION, 1)):
        assert (sign * np.diff(rising[measure]) >= -2e-3).all(), measure  # the size scatters by 1e-3 A at first
    assert (np.diff(rising[FLIPPED])[:4] >= 0).all()
    assert rising[FLIPPED][-1] == pytest.approx(0.5, abs=0.1)  # a coin for each centre
    assert rising[CLASHES].argmax() in (3, 4)  # atoms meet most where residues lie on each other, not far apart
    assert rising[LDDT][0] == 1
    assert rising[LDDT][-1] < 0.02
    # sqrt(3) sigma, of which superposition takes 6 of 3 N degrees of freedom
    np.testing.assert_allclose(rising[RMSD][:4], np.sqrt(3 - 6 / 253) * np.array(sigmas[:4]), rtol=0.03)
    np.testing.assert_allclose(rising[BOND_LENGTHS][:2], np.sqrt(2) * np.array(sigmas[:2]), rtol=0.05)


def test_frames_in_any_blocks_give_the_same(fragment, small):
    frames = noised(fragment, 1.0, 70)
    whole = measure_damage(small, [frames])
    parts = measure_damage(small, (torch.from_numpy(part) for part in np.split(frames, [1, 5, 40])))
    for measure in MEASURES:
        np.testing.assert_allclose(parts.by_frame[measure], whole.by_frame[measure], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(parts.lddt_by_residue, whole.lddt_by_residue, rtol=1e-6)
    assert parts.error(LDDT) == pytest.approx(whole.by_frame[LDDT].std(ddof=1) / np.sqrt(70))
    assert np.isnan(measure_damage(small, [frames[:1]]).error(LDDT))


def test_frames_stay_as_they_are(fragment, small):
    frames = noised(fragment, 1.0)
    before = frames.copy()
    measure_damage(small, [frames])
    np.testing.assert_array_equal(frames, before)


def test_one_atom():
    found = measure_damage(Native.of(molecule(["C"], [[1.0, 2.0, 3.0]])), [np.zeros((2, 1, 3), np.float32)])
    for measure in (LDDT, CONTACTS, BOND_LENGTHS, BROKEN, FLIPPED):
        assert np.isnan(found.by_frame[measure]).all()
    for measure in (RMSD, CLASHES, GYRATION):
        np.testing.assert_array_equal(found.by_frame[measure], 0)
    assert np.isnan(found.lddt_by_residue).all()


def test_an_ion_alone():
    found = measure_damage(Native.of(molecule(["ZN"], [[0.0, 0, 0]])), [np.zeros((1, 1, 3), np.float32)])
    assert np.isnan(found.mean(CLASHES))


def test_one_residue(fragment):
    first = fragment.hierarchy.ancestors(0, 1) == 0
    alone = Structure.from_atoms(fragment.coordinates[first], fragment.atoms.take(first))
    found = measure_damage(Native.of(alone), [noised(alone, 0.5)])
    assert np.isnan(found.mean(LDDT))
    assert np.isnan(found.mean(CONTACTS))
    assert found.mean(BOND_LENGTHS) > 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_frame_that_is_not_finite_is_named(fragment, small, value):
    frames = noised(fragment, 1.0, 50)
    frames[40, 7, 1] = value
    with pytest.raises(EdmNoiseError, match=r"^frame 41 holds NaN or infinite coordinates: remove it$"):
        measure_damage(small, [frames])


def test_wrong_shapes_and_no_frames(fragment, small):
    with pytest.raises(EdmNoiseError, match=r"frames have the shape \(253, 3\): give \(frames, 253, 3\)"):
        measure_damage(small, [fragment.coordinates])
    with pytest.raises(EdmNoiseError, match="no frames"):
        measure_damage(small, [])


def test_too_many_pairs_for_memory(fragment, monkeypatch):
    monkeypatch.setattr("edmnoise.base.memory.available_bytes", lambda: 1 << 20)
    with pytest.raises(EdmNoiseError, match=r"pairs of atoms within 15 A need .* GiB"):
        Native.of(fragment)


def test_it_says_what_there_is(small):
    assert repr(small).startswith("Native(")
    assert f"{len(small.local):,} local distances" in repr(small)
    assert isinstance(small.clashes, Clashes)
