"""Names of solvers, published samplers, schedules, denoisers and rules, and how they read; without torch.

What a name stands for is in the module of its kind: `solvers`, `presets`, `precondition`.
"""

from __future__ import annotations

SOLVERS = {
    "euler": "Euler, first order",
    "heun": "Heun, second order",
    "ralston": "Ralston, second order",
    "midpoint": "midpoint, second order",
    "chai": "Chai-1's own second-order step",
    "dpmpp_2m": "DPM-Solver++ 2M",
    "dpmpp_2m_sde": "DPM-Solver++ 2M SDE",
    "ancestral": "ancestral",
}

PUBLISHED = {
    "alphafold3": "AlphaFold 3",
    "boltz1": "Boltz-1",
    "boltz2": "Boltz-2",
    "chai1": "Chai-1",
    "protenix": "Protenix",
    "openfold3": "OpenFold 3",
}

ALIASES = {"af3": "alphafold3", "openfold": "openfold3", "of3": "openfold3"}
"""Other names of published samplers."""

SCHEDULES = ("karras", "log_linear")
"""How levels are laid out."""

RULES = ("finite", "increment", "cumulative", "global")
"""Which share of the noise a part is said to have: ``finite`` the closed form for groups of finite size (best scalars);
``increment`` the level's own weight, right for large groups; ``cumulative`` the weights of the level and all above,
right for absolute centres only; ``global`` all of it, with one scale for the data: EDM's own preconditioning."""

DENOISERS = {
    "states": "states: any place, any turn",
    "translation": "states: any place, as turned",
    "fixed": "states: just as they lie",
    "kabsch": "best turn only (approximate)",
}
"""Exact denoisers of known states; kabsch is an approximation."""
