"""A step of AlphaFold 3's sampler around a denoiser that costs nothing: beside four programs' own loops, and the floor.

Every loop centres, turns, shifts and churns, 20 steps of each program's schedule; Boltz's with and without alignment.
The floor is to draw normal numbers, once for every step that ours draws in. Needs no PyMOL.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from edmnoise.base.rotations import quaternion_to_matrix
from edmnoise.base.seeds import reseed
from edmnoise.diffusion.denoisers.denoiser import Denoised
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.presets import sampler_preset
from edmnoise.diffusion.samplers.sampler import AUGMENTATION, Sampler, sample
from edmnoise.diffusion.samplers.schedule import Schedule
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.structure.hierarchy import Hierarchy

from .harness import Result, compare, show

STEPS = 20
SIZES = ((1_000, 1), (1_000, 8), (10_000, 1), (10_000, 8), (50_000, 1), (50_000, 8))
INSTALL = (
    "python3 -m venv build/peers && build/peers/bin/pip install torch==2.13.0 scipy psutil && build/peers/bin/pip "
    "install --no-deps -r benchmarks/sampler-requirements.txt && build/peers/bin/python -m benchmarks sampler"
)

Loop = Callable[[Tensor], object]
"""Runs STEPS steps with the denoised structure (B, N, 3) given."""


def flat(atoms: int) -> NestedCovariance:
    """K = 1: what all of them draw."""
    return NestedCovariance(Hierarchy(("atom", "residue"), (np.zeros(atoms, dtype=np.int64),)), {"atom": 1.0})


class Fixed:
    """The same structure whatever it is asked."""

    def __init__(self, denoised: Tensor) -> None:
        self._denoised = Denoised(denoised)

    def denoise(self, x: Tensor, sigma: float) -> Denoised:
        return self._denoised


def ours(name: str, denoised: Tensor, align: str) -> Callable[[], object]:
    """A preset of ours around the same structure, (B, 3, N)."""
    atoms_last, covariance = denoised.mT.contiguous(), flat(denoised.shape[1])
    schedule, sampler = sampler_preset(name).schedule(STEPS), replace(sampler_preset(name).sampler(STEPS), align=align)

    def loop() -> object:
        for step in sample(Fixed(atoms_last), covariance, schedule, sampler, len(denoised)):
            last = step.x
        return last

    return loop


# Their loops


def boltz(align: bool) -> Loop:
    """Boltz 2.2.1, boltz.model.modules.diffusionv2.AtomDiffusion.sample with the constants of Boltz-2."""
    module = importlib.import_module("boltz.model.modules.diffusionv2")

    class Stub(module.AtomDiffusion):  # type: ignore[misc,name-defined]
        device = torch.device("cpu")

        def __init__(self) -> None:
            torch.nn.Module.__init__(self)
            self.eval()

        def preconditioned_network_forward(self, noisy: Tensor, *_: object, **__: object) -> Tensor:
            return self.fixed

    stub = Stub()
    vars(stub).update(
        num_sampling_steps=STEPS,
        sigma_min=1e-4,
        sigma_max=160.0,
        sigma_data=16.0,
        rho=7,
        gamma_0=0.8,
        gamma_min=1.0,
        noise_scale=1.003,
        step_scale=1.5,
        step_scale_random=None,
        alignment_reverse_diff=align,
    )
    steering = {"fk_steering": False, "physical_guidance_update": False, "contact_guidance_update": False}

    def loop(denoised: Tensor) -> object:
        stub.__dict__["fixed"] = denoised
        mask = torch.ones(1, denoised.shape[1])
        return stub.sample(mask, STEPS, len(denoised), steering_args=steering)

    return loop


def protenix() -> Loop:
    """Protenix 2.0.0, protenix.model.generator.sample_diffusion."""
    module = importlib.import_module("protenix.model.generator")
    schedule = module.InferenceNoiseScheduler()(STEPS)

    def loop(denoised: Tensor) -> object:
        one = torch.zeros(1, 1)
        features = {"atom_to_token_idx": torch.zeros(denoised.shape[1])}
        return module.sample_diffusion(
            lambda **_: denoised, features, one, one, one, one, one, one, schedule, len(denoised)
        )

    return loop


def openfold3() -> Loop:
    """OpenFold 3 0.5.0, SampleDiffusion of openfold3.core.model.structure.diffusion_module."""
    module = importlib.import_module("openfold3.core.model.structure.diffusion_module")
    schedule = torch.tensor(sampler_preset("openfold3").schedule(STEPS).sigmas)

    def loop(denoised: Tensor) -> object:
        network = torch.nn.Module()
        network.forward = lambda **_: denoised[None]
        sampler = module.SampleDiffusion(0.8, 1.0, 1.003, 1.5, network)
        mask = torch.ones(1, 1, denoised.shape[1])
        batch = {"atom_mask": mask, "token_mask": mask}
        none = torch.zeros(1)
        with torch.no_grad():
            return sampler(batch, none, none, none, schedule, len(denoised))

    return loop


def lucidrains() -> Loop:
    """alphafold3-pytorch 0.8.3, ElucidatedAtomDiffusion.sample: Euler steps, as the others (its Heun asks twice)."""
    if "alphafold3_pytorch" not in sys.modules:  # its __init__ imports what trains it, lightning and wandb
        found = importlib.util.find_spec("alphafold3_pytorch")
        if found is None:
            raise ImportError("alphafold3_pytorch")
        package = sys.modules["alphafold3_pytorch"] = types.ModuleType("alphafold3_pytorch")
        package.__path__ = list(found.submodule_search_locations or ())
    module = importlib.import_module("alphafold3_pytorch.alphafold3")

    class Stub(module.ElucidatedAtomDiffusion):  # type: ignore[misc,name-defined]
        device, dtype = torch.device("cpu"), torch.float32

        def __init__(self) -> None:
            torch.nn.Module.__init__(self)

        def preconditioned_network_forward(self, *_: object, **__: object) -> Tensor:
            return self.fixed

    stub = Stub()
    stub.centre_random_augmenter = module.CentreRandomAugmentation()
    vars(stub).update(
        num_sample_steps=STEPS,
        sigma_min=4e-4,
        sigma_max=160.0,
        sigma_data=16.0,
        rho=7,
        S_churn=80,
        S_tmin=0.05,
        S_tmax=50.0,
        S_noise=1.003,
        step_scale=1.5,
        augment_during_sampling=True,
        karras_formulation=False,
    )

    def loop(denoised: Tensor) -> object:
        stub.__dict__["fixed"] = denoised
        mask = torch.ones(denoised.shape[:2], dtype=torch.bool)
        return stub.sample(mask, STEPS, use_tqdm_pbar=False)

    return loop


# name: how to make it, which of our presets does the same, and whether that aligns
PEERS: dict[str, tuple[Callable[[], Loop], str, str]] = {
    "Boltz 2.2.1": (lambda: boltz(True), "boltz2", "noisy"),
    "Boltz 2.2.1, not aligned": (lambda: boltz(False), "boltz2", "none"),
    "Protenix 2.0.0": (protenix, "protenix", "none"),
    "OpenFold 3 0.5.0": (openfold3, "openfold3", "none"),
    "alphafold3-pytorch 0.8.3": (lucidrains, "alphafold3", "none"),
}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """They print and warn while they are imported."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def at_hand() -> dict[str, tuple[Loop, str, str]]:
    """The loops that can be imported here; one line says how to get the others."""
    found = {}
    for name, (make, same, align) in PEERS.items():
        with contextlib.suppress(ImportError), quiet():
            found[name] = (make(), same, align)
    if len(found) < len(PEERS):
        print(f"sampler: without {', '.join(PEERS.keys() - found.keys())}. For all: {INSTALL}", file=sys.stderr)
    return found


class Replayed(NestedCovariance):
    """White noise from a list."""

    def __init__(self, atoms: int, rows: list[Tensor]) -> None:
        super().__init__(flat(atoms).hierarchy, {"atom": 1.0})
        self._rows = iter(rows)

    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        return out.copy_(next(self._rows))


def deviation_from_boltz(loop: Loop, align: str, dtype: torch.dtype, atoms: int = 200, samples: int = 3) -> float:
    """Largest difference, angstrom, of the end points, given the same rotations, translations and noise.

    With ours in float64 what is left is their float32's: in every step 7e-7 of the largest coordinate or less, which
    is 3e-3 A at 2,560 A, where two neighbouring float32 numbers are 5e-4 A apart.
    """
    module = importlib.import_module("boltz.model.modules.diffusionv2")
    denoised = 10 * torch.randn(samples, atoms, 3, generator=torch.Generator().manual_seed(1))
    generators = [reseed(torch.Generator(), 0, k, AUGMENTATION) for k in range(samples)]
    motion = iter(torch.stack([torch.randn(STEPS, 7, generator=g, dtype=torch.float64) for g in generators], 1))

    def augmentation(*_: object, **__: object) -> tuple[Tensor, Tensor]:
        numbers = next(motion)
        return quaternion_to_matrix(numbers[:, :4]).float().mT, numbers[:, None, 4:].float()

    theirs_own, module.compute_random_augmentation = module.compute_random_augmentation, augmentation
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = loop(denoised)["sample_atom_coords"]  # type: ignore[index]
        torch.manual_seed(0)
        draws = [torch.randn(samples, atoms, 3).mT for _ in range(STEPS + 1)]
    module.compute_random_augmentation = theirs_own
    # The levels are theirs, in their float32: what is compared is the steps.
    known = sampler_preset("boltz2")
    schedule: Schedule = known.schedule(STEPS)
    churned = [True] + [target > 1 for target in schedule.sigmas[1:]]
    rows = [row for batch, used in zip(draws, churned, strict=True) if used for row in batch]
    sampler: Sampler = replace(known.sampler(STEPS), align=align)
    noise = Replayed(atoms, rows)
    fixed = Fixed(denoised.mT.contiguous().to(dtype))
    *_, last = sample(fixed, noise, schedule, sampler, samples, seed=0, dtype=dtype)
    return float((last.x.mT - theirs).abs().max())


def peak(call: Callable[[], object]) -> float:
    """MiB that a call allocates beyond what was there, by torch's own count of its tensors."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        call()
    held = highest = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            highest = max(highest, held)
    return highest / 2**20


def draws(denoised: Tensor) -> Callable[[], object]:
    """The normal numbers of a run of ours: at the start and in every churned step."""
    buffer = torch.empty(denoised.shape)
    generators = [torch.Generator().manual_seed(k) for k in range(len(denoised))]
    used = 1 + sum(target > 1 for target in sampler_preset("alphafold3").schedule(STEPS).sigmas[1:])

    def loop() -> None:
        for _ in range(used):
            for row, generator in zip(buffer, generators, strict=True):
                row.normal_(generator=generator)

    return loop


def exact_denoiser() -> list[Result]:
    """Ten states turned in any way, averaged exactly: beside drawing a step's noise, and over the number of atoms."""

    def made(atoms: int, samples: int) -> tuple[Callable[[], object], Callable[[], object]]:
        generator = torch.Generator().manual_seed(0)
        states = 20 * torch.randn(10, 3, atoms, generator=generator)
        residues = np.arange(atoms) // 8
        covariance = NestedCovariance(
            Hierarchy(("atom", "residue", "chain"), (residues, np.unique(residues) // 100)),
            {"atom": 1, "residue": 1, "chain": 1},
        )
        denoiser, x = StatesDenoiser(states, covariance), states[:samples] + 1
        return (lambda: denoiser.denoise(x, 3.0)), (lambda: covariance.draw(x, generator))

    step, noise = made(5_684, 8)
    results = [compare("exact denoiser, 10 states, 5,684 x 8; drawing its noise", step, noise, 6, "at_most")]
    large, small = made(1_000_000, 1)[0], made(100_000, 1)[0]
    results.append(compare("the same, 1,000,000 atoms; 100,000", large, small, 12, "at_most", repeats=3))
    return results


def run() -> list[Result]:
    """Every loop at every size on one thread, the floor, the memory of the largest size, the deviation from Boltz."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    loops, results = at_hand(), []
    for atoms, samples in SIZES:
        denoised = 10 * torch.randn(samples, atoms, 3, generator=torch.Generator().manual_seed(0))
        size = f"{atoms:,} x {samples}, {STEPS} steps"
        results.append(
            compare(
                f"{size}; drawing the noise", ours("alphafold3", denoised, "none"), draws(denoised), None, "at_most"
            )
        )
        for name, (loop, same, align) in loops.items():
            with quiet():
                theirs = lambda loop=loop, denoised=denoised: loop(denoised)  # noqa: E731
                target = 2.0 if atoms >= 10_000 else 1.0
                results.append(compare(f"{size}; {name}", ours(same, denoised, align), theirs, target, repeats=5))
    for name, (loop, same, align) in loops.items():  # at the largest size
        with quiet():
            mine, others = peak(ours(same, denoised, align)), peak(lambda loop=loop: loop(denoised))
        print(f"sampler: {size}; {name}: {others:.0f} MiB of tensors at most, ours {mine:.0f}")
    for name, (loop, _, align) in loops.items():
        if name.startswith("Boltz"):
            single, double = (deviation_from_boltz(loop, align, dtype) for dtype in (torch.float32, torch.float64))
            print(f"sampler: {name}: end points {single:.1e} A from ours at most, {double:.1e} A from ours in float64")
    results += exact_denoiser()
    torch.set_num_threads(threads)
    return results


if __name__ == "__main__":
    print(show(run()))
