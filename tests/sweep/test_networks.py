"""Networks in a sweep: as the library samples with them, known by the content of their files, trusted once."""

import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.trust import trusted
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.noise.process import NoiseChoice
from edmnoise.structure.files import read_structure
from edmnoise.sweep.journal import NAME
from edmnoise.sweep.settings import read_settings
from edmnoise.sweep.tasks import plan, run_batch
from edmnoise.trajectories.sampling import run_sampler

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own insides when it exports


@pytest.fixture
def study(networks):
    """Networks beside each other, and the exact denoiser."""
    return networks


def lines_in(folder):
    return (folder / NAME).read_bytes().count(b"\n") - 1


def test_numbers_are_those_of_the_sampler(study, swept, tmp_path):
    """Each row once more without the sweep; what does not fit a structure is a line and stops nothing."""
    table = swept(study, tmp_path / "out").tables["freeze_out"]
    structure, noise = read_structure(study.parent / "s0.pdb"), NoiseChoice()
    schedule, sampler = SamplerChoice("heun", 4, sigma_max=40).build()
    covariance = noise.on(structure).covariance
    for label, choice in (
        ("nets/own.safetensors", DenoiserChoice(str(study.parent / "nets" / "own.safetensors"))),
        (
            "shrinking:make gives=residual data_scales=8",
            DenoiserChoice("shrinking:make", None, None, "residual", "global", [8]),
        ),
        ("nets/theirs.pt2", DenoiserChoice(str(study.parent / "nets" / "theirs.pt2"))),
    ):
        model = choice.build(structure, structure.coordinates[None], covariance)
        rows = [row for row in table.rows() if row["denoiser"] == label and row["structure"] == "s0.pdb"]
        assert [row["seed"] for row in rows] == [0, 1, 2]
        for row in rows:
            ran = run_sampler(structure, model, covariance, schedule, sampler, 1, row["seed"]).freeze_out()
            expected = {part.label(structure.hierarchy): sigma for part, sigma in ran.items()}
            assert row["models"] == 1
            assert row["atom in residue"] == pytest.approx(expected["atom in residue"], rel=1e-5)
    failed = swept(study, tmp_path / "out").tables["failures"]
    assert {(row["structure"], row["tasks"]) for row in failed.rows()} == {("s1.pdb", 3)}
    own, theirs = sorted(row["why"] for row in failed.rows())
    assert own.startswith("nets/own.safetensors is for other atoms (20 for 24): the first that differs, //A/GLY`6/N, ")
    assert theirs.startswith("nets/theirs.pt2 is of other atoms (20 for 24): the first that differs is number 21, ")


def test_a_program_is_trusted_before_anything_is_begun(study):
    text = study.read_text()
    bare = text.replace(", trust = true", "")
    study.write_text(bare)
    with pytest.raises(EdmNoiseError, match=r"study.toml, line 10: nets/theirs.pt2 is a program, .* give trust = true"):
        read_settings(study)
    study.write_text(text)
    once = read_settings(study)
    assert len(trusted()) == 1
    study.write_text(bare)
    assert read_settings(study).digest == once.digest
    (study.parent / "nets" / "theirs.pt2").write_bytes((study.parent / "nets" / "theirs.pt2").read_bytes() + b"\0")
    with pytest.raises(EdmNoiseError, match="is a program"):
        read_settings(study)


def test_a_worker_elsewhere_trusts_what_was_trusted_and_nothing_else(study, trained, tmp_path, monkeypatch):
    """It has no list of its own: the task says which content the user has trusted."""
    planned = plan(read_settings(study))
    setting = planned.rows[9]
    assert dict(setting.denoiser)["name"] == "nets/theirs.pt2"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    (study.parent / "nets" / "theirs.pt2").rename(tmp_path / "kept.pt2")
    trained(read_structure(study.parent / "s0.pdb"), study.parent / "nets" / "theirs.pt2")
    (outcome,) = run_batch([(planned.sources[0], [setting])])
    assert outcome.error == "nets/theirs.pt2 is not the file that it was when the sweep began: start it again"
    assert trusted() == {}
    (tmp_path / "kept.pt2").rename(study.parent / "nets" / "theirs.pt2")
    (outcome,) = run_batch([(planned.sources[0], [setting])])
    assert outcome.error == ""


def test_a_changed_checkpoint_alone_is_done_again(study, trained, swept, tmp_path):
    before = swept(study, tmp_path / "out").tables["freeze_out"].rows()
    lines = lines_in(tmp_path / "out")
    trained(read_structure(study.parent / "s0.pdb"), study.parent / "nets" / "own.safetensors", seed=5)
    after = swept(study, tmp_path / "out").tables["freeze_out"].rows()
    assert lines_in(tmp_path / "out") == lines + 6
    changed = {row["denoiser"] for row, was in zip(after, before, strict=True) if row != was}
    assert changed == {"nets/own.safetensors"}


def test_where_the_files_lie_is_no_matter(study, tmp_path):
    keys = [task.key for task in plan(read_settings(study)).tasks()]
    study.parent.rename(tmp_path / "moved")
    assert [task.key for task in plan(read_settings(tmp_path / "moved" / study.name)).tasks()] == keys


def test_what_a_function_of_the_user_s_could_not_do_is_tried_again(study, swept, tmp_path):
    study.write_text(study.read_text().replace("shrinking:make", "shrinking:reading"))
    done = swept(study, tmp_path / "out")
    assert done.again == 6
    assert any(
        "no network shrinking:reading: it fails on the structure, FileNotFoundError" in line for line in done.lines
    )
    (study.parent / "factor.txt").write_text("0.5")
    assert swept(study, tmp_path / "out").again == 0


@pytest.mark.parametrize(
    ("denoiser", "said"),
    [
        ('"nets/none.pt2"', "study.toml, line 4: cannot read the network nets/none.pt2: No such file"),
        ('"nosuch:make"', "no network nosuch:make: there is no such module on Python's path"),
        ('"shrinking:nosuch"', "shrinking has no function nosuch"),
        ('"shrinking.py"', "shrinking.py is no network"),
        ('{ name = "shrinking:make", gives = "noise" }', "gives is 'noise': give one of denoised, residual"),
        ('{ name = "shrinking:make", gives = "residual" }', "a residual needs the data_scales"),
        ('{ name = "states", gives = "residual" }', "gives and data_scales are of networks"),
        ('{ name = "shrinking:make", fluctuations = [1, 1, 1] }', "a network has learned its own"),
        ('{ name = "shrinking:make", trust = 1 }', "trust is 1: give true or false"),
    ],
)
def test_wrong_input_is_one_line_with_its_place(study, denoiser, said):
    study.write_text(f'\nstructures = "s0.pdb"\nmeasures = "freeze_out"\ndenoisers = {denoiser}\n')
    with pytest.raises(EdmNoiseError) as refused:
        read_settings(study)
    assert said in str(refused.value)
    assert str(refused.value).startswith("study.toml, line 4: ")
