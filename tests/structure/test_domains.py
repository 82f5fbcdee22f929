"""Domains: every atom in one, residues whole, nested in chains; others are refused with their first atom."""

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.domains import domain_labels, domain_table, domain_text, runs
from edmnoise.structure.hierarchy import LEVELS, WITH_DOMAINS
from edmnoise.structure.structure import Structure


@pytest.fixture
def structure():
    """Chains A (residues 1 to 6, 5 with an insertion code too) and B (1 to 4), three atoms each."""
    residues = [("A", number) for number in ("1", "2", "3", "4", "5", "5A", "6")] + [("B", str(n)) for n in range(1, 5)]
    chain, number = zip(*(residue for residue in residues for _ in range(3)), strict=True)
    atoms = Atoms.make(
        ["N", "CA", "C"] * len(residues),
        ["N", "C", "C"] * len(residues),
        ["ALA"] * len(chain),
        number,
        chain,
        [""] * len(chain),
        [False] * len(chain),
    )
    return Structure.from_atoms(np.random.default_rng(0).normal(size=(len(chain), 3)), atoms)


def residues_of(structure, labels):
    return labels[structure.first_atoms].tolist()


def test_ranges_are_of_a_chain_and_its_numbers(structure):
    labels = domain_labels(structure, "A:1-2+6 | A:3-5 | B: ")
    assert residues_of(structure, labels) == [0, 0, 1, 1, 1, 1, 0, 2, 2, 2, 2]


def test_rest_is_what_is_left(structure):
    assert residues_of(structure, domain_labels(structure, "A:2-3|rest")) == [1, 0, 0, *[1] * 8]


def test_a_domain_in_two_chains_is_two(structure):
    made = structure.with_domains(domain_labels(structure, "A:2-3 | rest"))
    assert made.hierarchy.names == WITH_DOMAINS
    assert made.hierarchy.counts == (33, 11, 3, 2)
    assert domain_text(made) == "A:1+4-6 | A:2-3 | B:1-4"


def test_segments_are_domains(structure):
    segment = np.where(np.arange(33) < 9, "S1", "S2")
    atoms = Atoms(**{**vars(structure.atoms), "segment": segment})
    other = Structure.from_atoms(structure.coordinates, atoms)
    assert other.with_domains(domain_labels(other, "segi")).hierarchy.counts[2] == 3


def test_runs_of_helices_and_strands_are_domains(structure):
    """By chain, what is neither too; a chain without any is one."""
    secondary = np.repeat([*"HHH", "", "", "S", "S", *[""] * 4], 3)
    atoms = Atoms(**{**vars(structure.atoms), "secondary": secondary})
    other = Structure.from_atoms(structure.coordinates, atoms)
    assert domain_text(other.with_domains(domain_labels(other, "ss"))) == "A:1-3 | A:4-5 | A:5-6 | B:1-4"


def test_text_of_domains_reads_back_as_the_same(structure):
    for text in ("A:1-2+6 | A:3-5 | B:", "B:2 | rest", "A:-3-1 | rest"):
        made = structure.with_domains(domain_labels(structure, text))
        again = structure.with_domains(domain_labels(structure, domain_text(made)))
        assert all(map(np.array_equal, made.hierarchy.parents, again.hierarchy.parents))


def test_domains_are_replaced_and_taken_away(structure):
    made = structure.with_domains(domain_labels(structure, "A:2-3 | rest"))
    assert made.with_domains(np.zeros(33)).hierarchy.counts == (33, 11, 2, 2)
    bare = made.without_domains()
    assert bare.hierarchy.names == LEVELS
    assert all(map(np.array_equal, bare.hierarchy.parents, structure.hierarchy.parents))
    assert structure.without_domains() is structure


def test_groups_of_residues_stay_in_their_order(structure):
    made = structure.with_domains(domain_labels(structure, "A:2+5 | rest"))
    assert np.array_equal(made.hierarchy.ancestors(0, 1), structure.hierarchy.ancestors(0, 1))
    assert np.array_equal(made.hierarchy.ancestors(0, 3), structure.hierarchy.ancestors(0, 2))


def test_some_atoms_keep_their_domains(structure):
    made = structure.with_domains(domain_labels(structure, "A:2-3 | rest"))
    kept = made.take(np.arange(3, 12))
    assert kept.hierarchy.counts == (9, 3, 2, 1)


def test_runs_of_a_kind_end_with_their_chain(structure):
    kind = np.repeat(list("HHSSHHHHHSS"), 3)
    assert len(np.unique(runs(structure, kind))) == 5
    assert structure.with_domains(runs(structure, kind)).hierarchy.counts[2] == 5


def test_the_table_counts_residues_and_atoms(structure):
    table = domain_table(structure.with_domains(domain_labels(structure, "A:2-3 | rest")))
    assert table["residues"] == ["1+4-6", "2-3", "1-4"]
    assert table["count"] == [5, 2, 4]
    assert sum(table["atoms"]) == 33
    assert domain_table(structure).notes == ("No domains.",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A:1-4 | A:3-6 | rest", "domains overlap: //A/ALA`3/N is in 'A:1-4' and in 'A:3-6'"),
        ("A:1-4", "domains leave out 21 of 33 atoms, first //A/ALA`5/N: name them too, or put | rest behind"),
        ("C:1 | rest", "domain 'C:1' holds no atoms"),
        ("A:1-4 | | rest", "domains are 'A:1-4 | | rest': put | between them, and rest last or nowhere"),
        ("rest | A:1-4", "domains are 'rest | A:1-4': put | between them, and rest last or nowhere"),
        ("rest", "domains are 'rest': put | between them, and rest last or nowhere"),
        ("helices | rest", "domain 'helices': give a chain and its residues as A:4-20, or rest for what is left"),
        ("", "domains are '': put | between them, and rest last or nowhere"),
    ],
)
def test_what_are_no_domains_is_refused(structure, text, said):
    with pytest.raises(EdmNoiseError) as error:
        domain_labels(structure, text)
    assert str(error.value) == said


def test_a_residue_is_not_parted(structure):
    labels = np.zeros(33, dtype=int)
    labels[4] = 1
    with pytest.raises(EdmNoiseError, match=r"^domains part a residue, at //A/ALA`2/CA: give them whole residues$"):
        structure.with_domains(labels)


def test_every_atom_needs_a_label(structure):
    with pytest.raises(EdmNoiseError, match=r"^labels of domains have the shape \(4,\): 33 atoms need one each$"):
        structure.with_domains(np.zeros(4))
