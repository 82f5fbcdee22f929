"""See, measure and design the noise that trains diffusion models of biomolecules.

``import edmnoise as edm`` is all that a script or a notebook needs for the common things. Each name is looked up where
it lives when it is first asked for, so that the import itself brings no torch and takes no time.
"""

__version__ = "0.2.0"

TYPE_CHECKING = False  # typing's own would be the only thing that is imported here
if TYPE_CHECKING:
    from .base.errors import EdmNoiseError as EdmNoiseError
    from .base.shading import Shading as Shading
    from .diffusion.denoisers.denoiser import Denoised as Denoised
    from .diffusion.denoisers.elastic_network import ElasticNetwork as ElasticNetwork
    from .diffusion.denoisers.held import held_states as held_states
    from .diffusion.denoisers.states import StatesDenoiser as StatesDenoiser
    from .diffusion.likelihood import log_likelihood as log_likelihood
    from .diffusion.precondition import Preconditioner as Preconditioner
    from .diffusion.precondition import precondition_table as precondition_table
    from .diffusion.samplers.presets import sampler_preset as sampler_preset
    from .diffusion.samplers.sampler import Sampler as Sampler
    from .diffusion.samplers.sampler import sample as sample
    from .diffusion.samplers.schedule import karras as karras
    from .diffusion.samplers.schedule import log_linear as log_linear
    from .diffusion.samplers.units import translation_table as translation_table
    from .frames.damage import measure_damage as measure_damage
    from .frames.displacement import measure_displacement as measure_displacement
    from .frames.level_metrics import LevelMetrics as LevelMetrics
    from .frames.level_metrics import part_mean_squares as part_mean_squares
    from .frames.shading import shade as shade
    from .noise.batch import MultiscaleNoiseLike as MultiscaleNoiseLike
    from .noise.batch import PaddedGroups as PaddedGroups
    from .noise.design.scramble import scramble_table as scramble_table
    from .noise.design.solve import design as design
    from .noise.design.triangle import WeightMeasure as WeightMeasure
    from .noise.design.weight_map import weight_map as weight_map
    from .noise.held import HeldNoise as HeldNoise
    from .noise.process import AppliedNoise as AppliedNoise
    from .noise.process import NoiseChoice as NoiseChoice
    from .noise.processes.multiscale import MultiscaleNoise as MultiscaleNoise
    from .noise.processes.nested import NestedCovariance as NestedCovariance
    from .noise.sigma import SigmaDistribution as SigmaDistribution
    from .noise.sigma import sigma_distribution as sigma_distribution
    from .noise.theory.scales import measured_scales as measured_scales
    from .noise.theory.statistics import NoiseStatistics as NoiseStatistics
    from .noise.weights import Weights as Weights
    from .structure.atoms import Atoms as Atoms
    from .structure.domains import with_domains as with_domains
    from .structure.files import read_frames as read_frames
    from .structure.files import read_structure as read_structure
    from .structure.files import write_frames as write_frames
    from .structure.files import write_view as write_view
    from .structure.hierarchy import Hierarchy as Hierarchy
    from .structure.part import Part as Part
    from .structure.structure import Structure as Structure
    from .structure.superpose import superpose as superpose
    from .study.figures.design import triangle_figure as triangle_figure
    from .study.levels import level_table as level_table
    from .study.levels import z_table as z_table
    from .study.replay import replay as replay
    from .study.round_trip import round_trips as round_trips
    from .study.viewer import MoleculeView as MoleculeView
    from .trajectories.finding import find_denoiser as find_denoiser
    from .trajectories.laid import run_of as run_of
    from .trajectories.recording import record as record
    from .trajectories.sampling import run_sampler as run_sampler
    from .trajectories.trace import open_trace as open_trace
    from .trajectories.trace import runs_of as runs_of

_HOMES = {
    # read and write
    "read_structure": "edmnoise.structure.files",
    "read_frames": "edmnoise.structure.files",
    "write_frames": "edmnoise.structure.files",
    "write_view": "edmnoise.structure.files",
    "Structure": "edmnoise.structure.structure",
    "Atoms": "edmnoise.structure.atoms",
    "Hierarchy": "edmnoise.structure.hierarchy",
    "with_domains": "edmnoise.structure.domains",
    "Part": "edmnoise.structure.part",
    # make noise
    "Weights": "edmnoise.noise.weights",
    "SigmaDistribution": "edmnoise.noise.sigma",
    "sigma_distribution": "edmnoise.noise.sigma",
    "NoiseChoice": "edmnoise.noise.process",
    "MultiscaleNoise": "edmnoise.noise.processes.multiscale",
    "HeldNoise": "edmnoise.noise.held",
    "NestedCovariance": "edmnoise.noise.processes.nested",
    # train on it in a loop of one's own
    "MultiscaleNoiseLike": "edmnoise.noise.batch",
    "PaddedGroups": "edmnoise.noise.batch",
    "LevelMetrics": "edmnoise.frames.level_metrics",
    "part_mean_squares": "edmnoise.frames.level_metrics",
    # measure it, and know what to expect
    "measure_displacement": "edmnoise.frames.displacement",
    "shade": "edmnoise.frames.shading",
    "Shading": "edmnoise.base.shading",
    "measure_damage": "edmnoise.frames.damage",
    "superpose": "edmnoise.structure.superpose",
    "AppliedNoise": "edmnoise.noise.process",
    "level_table": "edmnoise.study.levels",
    "z_table": "edmnoise.study.levels",
    "NoiseStatistics": "edmnoise.noise.theory.statistics",
    "MoleculeView": "edmnoise.study.viewer",
    # choose it
    "design": "edmnoise.noise.design.solve",
    "scramble_table": "edmnoise.noise.design.scramble",
    "WeightMeasure": "edmnoise.noise.design.triangle",
    "weight_map": "edmnoise.noise.design.weight_map",
    "triangle_figure": "edmnoise.study.figures.design",
    "measured_scales": "edmnoise.noise.theory.scales",
    "Preconditioner": "edmnoise.diffusion.precondition",
    "precondition_table": "edmnoise.diffusion.precondition",
    # sample
    "Denoised": "edmnoise.diffusion.denoisers.denoiser",
    "StatesDenoiser": "edmnoise.diffusion.denoisers.states",
    "held_states": "edmnoise.diffusion.denoisers.held",
    "ElasticNetwork": "edmnoise.diffusion.denoisers.elastic_network",
    "Sampler": "edmnoise.diffusion.samplers.sampler",
    "karras": "edmnoise.diffusion.samplers.schedule",
    "log_linear": "edmnoise.diffusion.samplers.schedule",
    "sampler_preset": "edmnoise.diffusion.samplers.presets",
    "sample": "edmnoise.diffusion.samplers.sampler",
    "run_sampler": "edmnoise.trajectories.sampling",
    "round_trips": "edmnoise.study.round_trip",
    "translation_table": "edmnoise.diffusion.samplers.units",
    # listen to a model
    "find_denoiser": "edmnoise.trajectories.finding",
    "record": "edmnoise.trajectories.recording",
    "open_trace": "edmnoise.trajectories.trace",
    "runs_of": "edmnoise.trajectories.trace",
    "run_of": "edmnoise.trajectories.laid",
    "replay": "edmnoise.study.replay",
    # judge a model
    "log_likelihood": "edmnoise.diffusion.likelihood",
    # all that is refused
    "EdmNoiseError": "edmnoise.base.errors",
}

if not TYPE_CHECKING:  # type checkers know the names from above, and refuse others
    __all__ = ["__version__", *_HOMES]

    def __dir__():
        return __all__

    def __getattr__(name):
        import importlib

        if name not in _HOMES:
            raise _unknown(name)
        found = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
        return found


def _unknown(name: str) -> AttributeError:
    import difflib

    by_folded = {known.lower(): known for known in _HOMES}
    close = difflib.get_close_matches(name.lower(), by_folded, 1)
    meant = f", did you mean {by_folded[close[0]]!r}?" if close else "; dir(edmnoise) lists what it has"
    # Python's tracebacks would add a guess of their own, were the name in it; those of notebooks have none.
    return AttributeError(f"edmnoise has no {name!r}{meant}", obj=None, name=None)
