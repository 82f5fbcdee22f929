"""What ChimeraX and Mol* are told is what was given: their files, read by the rules of their formats, show each atom
where it is, in the colour that it has. ChimeraX is not to be had as a package: its commands are read here by the syntax
of its documentation. MolViewSpec's own library judges the files for Mol*."""

import json
import os
import re
import warnings
import zipfile
from dataclasses import replace

import gemmi
import numpy as np
import pytest

from edmnoise.base.colours import PALETTES
from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.shading import Shading
from edmnoise.frames.displacement import Measure, measure_displacement
from edmnoise.frames.shading import shade
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.files import read_structure, write_view
from edmnoise.structure.structure import Structure

COLOUR = "#[0-9a-f]{6}"
NUMBER = r"-?\d+(?:\.\d+)?"
COMMANDS = [
    r'open "[^"*?\[\]]+\.cif" coordsets true',
    r'open "[^"*?\[\]]+\.defattr"',
    rf"color byattribute [ar]:\w+ #1 palette {COLOUR}(:{COLOUR})+ range {NUMBER},{NUMBER} noValueColor {COLOUR}",
    rf"key {COLOUR}:{NUMBER}( {COLOUR}:{NUMBER})+ pos {NUMBER},{NUMBER} size {NUMBER},{NUMBER}",
    rf'2dlabels create \w+ text "[^"]*" xpos {NUMBER} ypos {NUMBER} size \d+',
    r"coordset #1 \d+",
    r"coordset slider #1",
    r'perframe "\w+ \$1" range 1,\d+ interval \d+',
    r"view",
]
"""Those of ChimeraX's documentation that are used (rbvi.ucsf.edu/chimerax/docs/user/commands)."""

SPEC = re.compile(r"/(?P<chain>[\w']+):(?P<number>-?\d+\w?)(@(?P<name>[\w']+))?|@@serial_number=(?P<serial>\d+)")


def frames_of(structure, count=3, seed=0):
    noise = np.random.default_rng(seed).normal(0, 1, (count, structure.n_atoms, 3))
    noise[0] = 0
    return (structure.coordinates + noise).astype(np.float32)


def shading_of(values, palette="dusk"):
    return Shading(values, PALETTES[palette], float(np.nanmin(values)), float(np.nanmax(values)), "how far")


def by_group(structure, level, models=None):
    """A value of each group of a level, of each model its own where there are some, on atoms."""
    count = structure.hierarchy.counts[level]
    shape = (count,) if models is None else (models, count)
    return np.random.default_rng(1).uniform(0, 3, shape)[..., structure.hierarchy.ancestors(0, level)]


def expected(shading, model):
    """(N, 3) colours, without a table of steps: straight lines between the anchors."""
    values = np.atleast_2d(shading.values)[model if shading.by_model else 0]
    t = np.clip((values - shading.low) / max(shading.high - shading.low, 1e-12), 0, 1) * (len(shading.anchors) - 1)
    channels = 255 * np.array(shading.anchors).T
    mixed = np.stack([np.interp(t, np.arange(len(shading.anchors)), channel) for channel in channels], axis=1)
    return np.where(np.isnan(values)[:, None], 128, mixed)


def rgb(code):
    return [int(code[at : at + 2], 16) for at in (1, 3, 5)]


def atoms_in(path):
    """Chain, number, name and serial of each atom of the first model, and where all models have it."""
    models = gemmi.read_structure(str(path))
    named = [(cra.chain.name, f"{cra.residue.seqid}", cra.atom.name, str(cra.atom.serial)) for cra in models[0].all()]
    places = np.array([[cra.atom.pos.tolist() for cra in model.all()] for model in models])
    order = np.argsort([int(atom[3]) for atom in named])  # gemmi puts a chain's atoms together
    return [named[at] for at in order], places[:, order]


class ChimeraX:
    """What a script shows: (models, N, 3) places, and the colours of the frames that are asked for."""

    def __init__(self, path):
        self.folder = os.path.dirname(path)
        self.aliases, self.values, self.colours = {}, {}, None
        with open(path, encoding="utf-8") as script:
            for line in script.read().splitlines():
                if not line.startswith("#"):
                    self.run(line)

    def run(self, line):
        word, _, rest = line.partition(" ")
        if word == "alias":
            name, _, text = rest.partition(" ")
            self.aliases[name] = text
            self.run_all(self.substituted(name, "1"), dry=True)
        elif word in self.aliases:
            self.run_all(self.substituted(word, rest))
        else:
            self.run_all(line)

    def substituted(self, name, argument):
        return re.sub(r"\$([$1])", lambda found: "$" if found[1] == "$" else argument, self.aliases[name])

    def run_all(self, text, dry=False):
        for line in text.split("; "):
            assert any(re.fullmatch(command, line) for command in COMMANDS), line
            if not dry:
                self.obey(line)

    def obey(self, line):
        if line.endswith("coordsets true"):
            self.atoms, self.places = atoms_in(os.path.join(self.folder, line.split('"')[1]))
        elif line.startswith("open"):
            self.read_attributes(os.path.join(self.folder, line.split('"')[1]))
        elif line.startswith("color"):
            found = re.fullmatch(
                r"color byattribute (.):(\w+) #1 palette (\S+) range (\S+),(\S+) noValueColor (\S+)", line
            )
            recipient, values = self.values[found[2]]
            assert recipient[0] == found[1]
            low, high = float(found[4]), float(found[5])
            anchors = np.array([rgb(code) for code in found[3].split(":")])
            assert high > low
            t = np.clip((values - low) / (high - low), 0, 1) * (len(anchors) - 1)
            mixed = np.stack([np.interp(t, np.arange(len(anchors)), channel) for channel in anchors.T], axis=1)
            self.colours = np.where(np.isnan(values)[:, None], rgb(found[6]), mixed)

    def read_attributes(self, path):
        """A tabulator, which, a tabulator, the value; "1-to-1": each line means one residue, or one atom."""
        name = recipient = values = None
        with open(path, encoding="utf-8") as lines:
            for line in lines.read().splitlines():
                if line.startswith("\t"):
                    _, which, value = line.split("\t")
                    values[self.members(which, recipient)] = float(value)
                elif line.startswith("attribute: "):
                    name, values = line.removeprefix("attribute: "), np.full(len(self.atoms), np.nan)
                    assert re.fullmatch(r"[A-Za-z_]\w*", name)
                elif line.startswith("recipient: "):
                    recipient = line.removeprefix("recipient: ")
                    self.values[name] = recipient, values
                else:
                    assert line == "match mode: 1-to-1"

    def members(self, which, recipient):
        spec = SPEC.fullmatch(which)
        assert spec, which
        assert (recipient == "atoms") == bool(spec["name"] or spec["serial"])
        if spec["serial"]:
            found = [at for at, atom in enumerate(self.atoms) if atom[3] == spec["serial"]]
        else:
            wanted = (spec["chain"], spec["number"], *([spec["name"]] if spec["name"] else []))
            found = [at for at, atom in enumerate(self.atoms) if atom[: len(wanted)] == wanted]
        assert found
        assert recipient == "residues" or len(found) == 1, which
        return found


@pytest.fixture
def toxin_part(fragment):
    """A chain's residues 4 to 35."""
    return fragment


@pytest.mark.parametrize("level", [0, 1, 2])
def test_chimerax_shows_places_and_colours(toxin_part, tmp_path, level):
    structure, path = toxin_part, str(tmp_path / "seen.cxc")
    frames, shading = frames_of(structure), shading_of(by_group(structure, level))
    if level == 2:  # one chain is one value: the range has no width
        assert shading.low == shading.high
    assert write_view(path, structure, frames, shading) == 3
    shown = ChimeraX(path)
    assert np.abs(shown.places - frames).max() < 5.1e-4
    assert np.abs(shown.colours - expected(shading, 0)).max() <= 1
    assert sorted(os.listdir(tmp_path)) == ["seen.cxc", "seen_models.cif", "seen_values.defattr"]


def test_chimerax_shows_each_frame_in_its_own_colours(toxin_part, tmp_path):
    structure, path = toxin_part, str(tmp_path / "seen.cxc")
    shading = shading_of(by_group(structure, 1, models=3), "ocean")
    write_view(path, structure, frames_of(structure), shading)
    shown = ChimeraX(path)
    assert np.abs(shown.colours - expected(shading, 2)).max() <= 1  # the last one is shown first
    for model in range(3):
        shown.run(f"edm_frame {model + 1}")
        assert np.abs(shown.colours - expected(shading, model)).max() <= 1
    assert shown.substituted("edm_play", "") == 'perframe "edm_frame $1" range 1,3 interval 10'


def test_chimerax_tells_awkward_atoms_apart(awkward, tmp_path):
    path = str(tmp_path / "seen.cxc")
    values = np.random.default_rng(2).uniform(0, 3, awkward.n_atoms)
    values[5] = np.nan
    shading = shading_of(values)
    write_view(path, awkward, frames_of(awkward), shading)
    shown = ChimeraX(path)
    assert np.abs(shown.colours - expected(shading, 0)).max() <= 1


# Mol*


@pytest.fixture(scope="module")
def check():
    """Judges a tree of several snapshots by the models of MolViewSpec's own library, the parameters of nodes too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pydantic's, about how molviewspec 1.8.1 states fields
        from molviewspec import States, nodes
    known = {
        "download": nodes.DownloadParams,
        "parse": nodes.ParseParams,
        "structure": nodes.StructureParams,
        "component": nodes.ComponentInlineParams,
        "cartoon": nodes.CartoonParams,
        "ball_and_stick": nodes.BallAndStickParams,
        "spacefill": nodes.SpacefillParams,
        "color_from_uri": nodes.ColorFromUriParams,
        "tooltip_from_uri": nodes.TooltipFromUriParams,
        "camera": nodes.CameraParams,
        "canvas": nodes.CanvasParams,
    }

    def look(node):
        params = node.get("params", {})
        if node["kind"] != "root":
            model = known[params["type"] if node["kind"] == "representation" else node["kind"]]
            model.model_validate(params)
            assert set(params) <= {field.alias or name for name, field in model.model_fields.items()}
        for child in node.get("children", []):
            look(child)

    def judge(text):
        States.model_validate_json(text)
        for snapshot in json.loads(text)["snapshots"]:
            look(snapshot["root"])

    return judge


def unpacked(path):
    """The state tree, and the files that it names."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(files["index.mvsj"]), files


def nodes(node, kind):
    return [node] * (node["kind"] == kind) + [
        found for child in node.get("children", []) for found in nodes(child, kind)
    ]


def colours_in(files, uri, named, numbers):
    """(N, 3) what a list of residues or atoms means, rows in their order, as the format has it."""
    colours = np.full((len(named), 3), -1)
    for row in json.loads(files[uri]):
        selected = np.ones(len(named), dtype=bool)
        if "atom_index" in row:
            selected = np.arange(len(named)) == row["atom_index"]
        for key, column in (("auth_asym_id", 0), ("auth_seq_id", 1), ("pdbx_PDB_ins_code", 2)):
            if key in row:
                selected &= np.array([atom[column] == row[key] for atom in numbers])
        assert selected.any()
        assert set(row) <= {"auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code", "atom_index", "color", "tooltip"}
        colours[selected] = rgb(row["color"])
    return colours


@pytest.mark.parametrize("models", [None, 3])
@pytest.mark.parametrize(("name", "level"), [("fragment", 0), ("fragment", 1), ("awkward", 0), ("awkward", 1)])
def test_molstar_shows_places_and_colours(request, tmp_path, check, name, level, models):
    structure, path = request.getfixturevalue(name), str(tmp_path / "seen.mvsx")
    frames, shading = frames_of(structure), shading_of(by_group(structure, level, models))
    assert write_view(path, structure, frames, shading) == 3
    tree, files = unpacked(path)
    check(files["index.mvsj"])
    (tmp_path / "models.cif").write_bytes(files["models.cif"])
    named, places = atoms_in(tmp_path / "models.cif")
    assert np.abs(places - frames).max() < 5.1e-4
    block = gemmi.cif.read_string(files["models.cif"].decode())[0]
    rows = block.find("_atom_site.", ["auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code"])
    numbers = [(row.str(0), int(row[1]), row.str(2)) for row in rows][: structure.n_atoms]
    assert len(tree["snapshots"]) == 3
    for model, snapshot in enumerate(tree["snapshots"]):
        (shown,) = nodes(snapshot["root"], "structure")
        assert shown["params"] == {"type": "model", "model_index": model}
        assert [node["params"]["url"] for node in nodes(snapshot["root"], "download")] == ["models.cif"]
        sources = nodes(snapshot["root"], "color_from_uri") + nodes(snapshot["root"], "tooltip_from_uri")
        (uri,) = {node["params"]["uri"] for node in sources}
        colours = colours_in(files, uri, named, numbers)
        assert np.abs(colours - expected(shading, model)).max() <= 1
        cameras = nodes(snapshot["root"], "camera")
        assert cameras == nodes(tree["snapshots"][0]["root"], "camera")  # the picture does not jump


def test_molviewspec_would_say_what_is_wrong(fragment, tmp_path, check):
    path = str(tmp_path / "seen.mvsx")
    write_view(path, fragment, frames_of(fragment), shading_of(by_group(fragment, 1)))
    tree, files = unpacked(path)
    check(files["index.mvsj"])
    nodes(tree["snapshots"][0]["root"], "color_from_uri")[0]["params"]["schema"] = "residues"
    with pytest.raises(ValueError, match="schema"):
        check(json.dumps(tree))
    del tree["snapshots"][0]["metadata"]["linger_duration_ms"]
    with pytest.raises(ValueError, match="linger_duration_ms"):
        check(json.dumps(tree))


def test_the_camera_holds_all_models(fragment, tmp_path):
    """From the distance d a camera of the format shows a sphere of the diameter d."""
    path = str(tmp_path / "seen.mvsx")
    frames = frames_of(fragment)
    write_view(path, fragment, frames, shading_of(by_group(fragment, 1)))
    tree, _ = unpacked(path)
    (camera,) = nodes(tree["snapshots"][0]["root"], "camera")
    target, position, up = (np.array(camera["params"][name]) for name in ("target", "position", "up"))
    away = np.linalg.norm(position - target)
    forward = (target - position) / away
    across = np.cross(forward, up)
    eye = target - forward * away / (2 * np.sin(np.pi / 8))  # where a camera of 45 degrees stands
    about = frames.reshape(-1, 3) - eye
    high, wide = (np.abs(about @ axis) / (about @ forward) for axis in (up, across))
    assert high.max() < np.tan(np.pi / 8)
    assert wide.max() < 1.3 * np.tan(np.pi / 8)
    assert max(high.max(), wide.max() / 1.3) > 0.6 * np.tan(np.pi / 8)  # and fills the picture


def test_helices_and_strands(toxin, tmp_path):
    """gemmi reads them from residue to residue; a run ends where its chain does."""
    residue = toxin.residue_of_atoms
    kinds = np.random.default_rng(4).choice(["H", "H", "H", "S", ""], residue.max() + 1)
    kinds[: residue.max() // 2] = np.repeat(kinds[: residue.max() // 2], 5)[: residue.max() // 2]
    path = str(tmp_path / "seen.cxc")
    frames = toxin.coordinates[None]
    write_view(path, toxin, frames, shading_of(by_group(toxin, 1)), secondary=kinds[residue])
    read = gemmi.read_structure(str(tmp_path / "seen_models.cif"))
    ranges = {
        "H": [(helix.start, helix.end) for helix in read.helices],
        "S": [(strand.start, strand.end) for sheet in read.sheets for strand in sheet.strands],
    }
    named = {
        (chain, number): kind
        for chain, number, kind in zip(toxin.atoms.chain, toxin.atoms.number, kinds[residue], strict=True)
    }
    for kind, found in ranges.items():
        members = [
            (one.chain_name, str(number))
            for one, other in found
            for number in range(one.res_id.seqid.num, other.res_id.seqid.num + 1)
            if one.chain_name == other.chain_name and (one.chain_name, str(number)) in named
        ]
        assert len(members) == len(set(members))
        assert set(members) == {key for key, said in named.items() if said == kind}
    assert read_structure(tmp_path / "seen_models.cif").atoms.secondary.tolist() == kinds[residue].tolist()
    assert "_struct_conf" not in _written(path, toxin, frames, None)


def test_a_helix_begins_at_an_insertion_code(fragment, tmp_path, cmd):
    """As PyMOL and gemmi find it."""
    number = np.where(fragment.atoms.number == "5", "4A", fragment.atoms.number)
    inserted = replace(fragment, atoms=replace(fragment.atoms, number=number))
    kinds = np.where(np.isin(number, ["4A", "6", "7"]), "H", "")
    _written(str(tmp_path / "seen.cxc"), inserted, fragment.coordinates[None], kinds)
    (helix,) = gemmi.read_structure(str(tmp_path / "seen_models.cif")).helices
    assert [str(end.res_id.seqid) for end in (helix.start, helix.end)] == ["4A", "7"]
    cmd.load(str(tmp_path / "seen_models.cif"), "seen")
    assert cmd.count_atoms("ss H and resi 4A+6+7") == cmd.count_atoms("ss H") == np.count_nonzero(kinds)


def _written(path, structure, frames, secondary):
    write_view(path, structure, frames, shading_of(by_group(structure, 1)), secondary=secondary)
    with open(path.replace(".cxc", "_models.cif"), encoding="utf-8") as models:
        return models.read()


# From displacements


def test_shading_of_a_displacement(fragment):
    frames = frames_of(fragment)[1:]
    moved = measure_displacement(fragment, frames)
    shading = shade(moved, palette="ocean")
    values = np.sqrt(moved.by_group[Measure(1, True)])[fragment.hierarchy.ancestors(0, 1)]
    np.testing.assert_allclose(shading.values, values)
    assert (shading.low, shading.high) == (values.min(), values.max())
    assert shading.anchors == PALETTES["ocean"]
    assert shading.title == "RMS displacement, residue in chain"
    largest = shade(moved, "atom", relative=False, over="max", minimum=0.0, maximum=2.0)
    apart = np.square(frames - fragment.coordinates).mean(axis=2)
    np.testing.assert_allclose(largest.values, np.sqrt(apart.max(axis=0)), rtol=1e-4)
    assert (largest.low, largest.high) == (0, 2)


# Refused


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"level": "bead"}, "no level 'bead': the levels are atom, residue, chain"),
        ({"over": "median"}, "over is 'median': give one of mean, max"),
        ({"palette": "mud"}, "palette is 'mud': give one of dusk, "),
        ({"minimum": 3.0, "maximum": 1.0}, "the colour range is 3 to 1"),
    ],
)
def test_a_shading_that_is_none(fragment, given, reason):
    moved = measure_displacement(fragment, frames_of(fragment))
    with pytest.raises(EdmNoiseError, match=reason):
        shade(moved, **given)


def test_a_displacement_that_was_not_measured(fragment):
    moved = measure_displacement(fragment, frames_of(fragment), only=[Measure(0, False)])
    with pytest.raises(EdmNoiseError, match="residue in chain was not measured: measure it too"):
        shade(moved)


def test_values_that_are_none(fragment):
    nothing = np.full(fragment.n_atoms, np.nan)
    with pytest.raises(EdmNoiseError, match="how far: no atom has a value"):
        Shading(nothing, PALETTES["dusk"], 0, 1, "how far")
    with pytest.raises(EdmNoiseError, match=r"values have the shape \(1, 1, 1\)"):
        Shading(np.zeros((1, 1, 1)), PALETTES["dusk"], 0, 1, "how far")


@pytest.mark.parametrize("ending", ["cxc", "mvsx"])
def test_what_does_not_fit_together_leaves_the_old_files(fragment, tmp_path, ending):
    path = tmp_path / f"old.{ending}"
    frames = frames_of(fragment)
    write_view(path, fragment, frames, shading_of(by_group(fragment, 1)))
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    bad = frames.copy()
    bad[2, 7] = np.nan
    refused = {
        "values of 3 models for 2: give as many": (frames[:2], shading_of(by_group(fragment, 1, 3))),
        f"values of {fragment.n_atoms - 1} atoms for {fragment.n_atoms}": (
            frames,
            shading_of(by_group(fragment, 1)[1:]),
        ),
        "model 3 has NaN or infinite coordinates": (bad, shading_of(by_group(fragment, 1))),
        "no models to write": (frames[:0], shading_of(by_group(fragment, 1))),
    }
    for reason, (models, shading) in refused.items():
        with pytest.raises(EdmNoiseError, match=reason):
            write_view(path, fragment, models, shading)
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x.pdb", r"the name must end in \.cxc, \.mvsx"),
        ("what?.cxc", r"ChimeraX takes '\?' in a file's name for a pattern"),
        ('a".cxc', "ChimeraX takes '\"' in a file's name"),
    ],
)
def test_a_name_that_cannot_be(fragment, tmp_path, name, reason):
    with pytest.raises(EdmNoiseError, match=reason):
        write_view(tmp_path / name, fragment, frames_of(fragment), shading_of(by_group(fragment, 1)))
    assert os.listdir(tmp_path) == []


def test_more_than_an_archive_holds(fragment, tmp_path, monkeypatch):
    from edmnoise.structure.files import molstar as module

    monkeypatch.setattr(module, "_LARGEST", 100_000)
    with pytest.raises(EdmNoiseError, match=r"with 3 models of 0\.\d+ MiB: Mol\*'s archives hold 2 GiB"):
        write_view(tmp_path / "x.mvsx", fragment, frames_of(fragment, 9), shading_of(by_group(fragment, 1)))
    assert os.listdir(tmp_path) == []


# Whole structures of other packages


@pytest.mark.parametrize("ending", ["cxc", "mvsx"])
def test_ligands_insertion_codes_and_water(mdanalysis_data, tmp_path, check, ending):
    structure = read_structure(mdanalysis_data / "mmcif/5PTI.cif.gz", solvent=True)
    path, shading = str(tmp_path / f"seen.{ending}"), shading_of(by_group(structure, 1))
    write_view(path, structure, structure.coordinates[None], shading)
    if ending == "cxc":
        assert np.abs(ChimeraX(path).colours - expected(shading, 0)).max() <= 1
    else:
        check(unpacked(path)[1]["index.mvsj"])


def test_a_code_comes_behind_the_number_without_it(tmp_path):
    """A row without insertion code may be taken for all codes: the last row that fits holds."""
    count = 3
    columns = [
        ["CA"] * count,
        ["C"] * count,
        ["GLY"] * count,
        ["1A", "1", "2"],
        ["A"] * count,
        [""] * count,
        [False] * 3,
    ]
    structure = Structure.from_atoms(np.arange(9.0).reshape(3, 3), Atoms.make(*columns))
    path = str(tmp_path / "seen.mvsx")
    write_view(path, structure, structure.coordinates[None], shading_of(np.array([0.0, 1.0, 2.0])))
    _, files = unpacked(path)
    rows = json.loads(files["colours_1.json"])
    assert [(row["auth_seq_id"], row.get("pdbx_PDB_ins_code")) for row in rows] == [(1, None), (2, None), (1, "A")]
