"""K = L (I + Q (E - 1) Q^T) L^T: products, roots, inverse and determinant in O(N) for atoms that ride on random chains.

`chains` says what K is of, `whitening` what L, Q and E are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from ...base.errors import EdmNoiseError
from ...base.threads import alone, mapped
from ...structure.hierarchy import Index
from ..covariance import Covariance, checked_atoms
from .chains import Array, Chains
from .markov_drawing import MarkovRows
from .pairs import sums_within
from .whitening import Places, Ties

_BLOCK_NUMBERS = 1 << 18
"""Numbers in the rows that are worked on together, as in `nested`."""


class MarkovCovariance(Covariance):
    """Covariance of atoms that ride on random chains; see `Chains`.

    Examples
    --------
    >>> import numpy as np
    >>> none = np.zeros(0)
    >>> walk = Chains(np.array([0, 1, 1]), np.array([0.0, 0.0, 4.0]), np.array([0.0, 1.0]), np.ones(2),
    ...               np.array([-1, -1]), none, none, none, np.zeros(2))
    >>> k = MarkovCovariance(walk)
    >>> k.multiply(torch.eye(3)).tolist()
    [[1.0, 1.0, 1.0], [1.0, 2.0, 2.0], [1.0, 2.0, 6.0]]
    """

    def __init__(self, chains: Chains) -> None:
        self.chains = chains
        self._places: dict[torch.device, Places] = {}
        self._ties: dict[torch.device, Ties | None] = {}

    def __repr__(self) -> str:
        count = int(self.chains.walk[-1]) + 1
        return f"MarkovCovariance({self.atoms:,} atoms on {len(self.chains.gain):,} places of {count:,} chains)"

    @property
    def atoms(self) -> int:
        return self.chains.atoms

    def restricted(self, atoms: Index) -> MarkovCovariance:
        return MarkovCovariance(self.chains.restricted(checked_atoms(atoms, self.atoms)))

    @property
    def diagonal(self) -> Array:
        """(N,) K_ii."""
        return self.chains.diagonal

    def within(self, group: Index) -> Array:
        """(N,) sum of K_ij over the atoms j that have the same number in ``group`` (N,) as i."""
        return sums_within(self.chains, self.multiply, group)

    def multiply(self, x: Tensor) -> Tensor:
        return self._along_atoms(self._multiply, x)

    def solve(self, x: Tensor) -> Tensor:
        return self._along_atoms(self._solve, x, inverse=True)

    def factor(self, z: Tensor) -> Tensor:
        return self._along_atoms(self._factor, z)

    def whiten(self, x: Tensor) -> Tensor:
        return self._along_atoms(self._whiten, x, inverse=True)

    def inner(self, x: Tensor, y: Tensor) -> Tensor:
        white = self._along_atoms(self._whiten, x.double(), inverse=True)
        other = white if y is x else self._along_atoms(self._whiten, y.double(), inverse=True)
        return torch.linalg.vecdot(white, other)

    def gls_mean(self, x: Tensor) -> Tensor:
        pull = self._pull_of_one.to(x.device)
        return (x.double() @ (pull / pull.sum())).to(x.dtype)

    def precision(self) -> Tensor:
        return self._pull_of_one.sum()

    def logdet(self) -> Tensor:
        self._check_inverse()
        chains, places = self.chains, self._placed(torch.device("cpu"))
        riding = torch.from_numpy(chains.ride[chains.ride > 0]).log().sum()
        total = 2 * places.root_f.log().sum() + riding
        total = total - torch.from_numpy(chains.blur[chains.blur > 0]).log().sum()
        ties = self._tied(torch.device("cpu"))
        return total if ties is None else total + ties.logdet

    @alone()
    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        return MarkovRows.of(self.chains, out.device, out.dtype).rows(out, generator)

    # On rows, (rows, N) in float64

    def _multiply(self, x: Tensor) -> Tensor:
        places, ties = self._placed(x.device), self._tied(x.device)
        chain = places.gain.forward(places.added * places.gain.backward(places.sums(x)))
        y = places.of_place(chain) + places.ride * x
        if ties is not None:
            total = ties.sums(x)
            level = ties.moved * total - ties.pull * ties.sums(x * ties.shared)
            pulled = (ties.pull * total).index_select(1, ties.unit) * ties.shared
            y = y + level.index_select(1, ties.unit) - pulled
        return y

    def _solve(self, x: Tensor) -> Tensor:
        places, ties = self._placed(x.device), self._tied(x.device)
        white = places.whitened(x)
        return places.whitened_back(white if ties is None else ties.applied(ties.lack, white))

    def _whiten(self, x: Tensor) -> Tensor:
        places, ties = self._placed(x.device), self._tied(x.device)
        white = places.whitened(x)
        return white if ties is None else ties.applied(ties.root_lack, white)

    def _factor(self, z: Tensor) -> Tensor:
        places, ties = self._placed(z.device), self._tied(z.device)
        return places.coloured(z if ties is None else ties.applied(ties.root_excess, z))

    # Around them

    @cached_property
    def _pull_of_one(self) -> Tensor:
        """K^-1 1."""
        with torch.inference_mode(False):
            return self.solve(torch.ones(self.atoms, dtype=torch.float64, device="cpu"))

    @alone()
    def _along_atoms(self, function: Callable[[Tensor], Tensor], x: Tensor, inverse: bool = False) -> Tensor:
        """Map the last axis a few rows at a time, in float64; the result has the precision of ``x``."""
        if x.ndim == 0 or x.shape[-1] != self.atoms or not x.is_floating_point():
            raise EdmNoiseError(
                f"{x.dtype} of the shape {tuple(x.shape)} is not along the atoms: give floats (..., {self.atoms})"
            )
        if inverse:
            self._check_inverse()
        self._tied(x.device)  # before threads ask for it
        rows = x.reshape(-1, self.atoms)
        pieces = rows.split(max(1, _BLOCK_NUMBERS // self.atoms))
        return torch.cat(mapped(lambda piece: function(piece.double()).to(x.dtype), pieces)).reshape(x.shape)

    def _check_inverse(self) -> None:
        if (self.chains.anchors > 1).any():
            raise EdmNoiseError(
                "this noise has no inverse: atoms that do not spread about their anchors move rigidly with them; "
                "give a spread above 0"
            )
        ties = self._tied(torch.device("cpu"))
        if not self.chains.added.all() or (ties is not None and ties.singular):
            raise EdmNoiseError("this noise has no inverse: the centres of its chains do not move; give com above 0")

    def _placed(self, device: torch.device) -> Places:
        if device not in self._places:
            with torch.inference_mode(False):
                self._places[device] = Places.of(self.chains, device)
        return self._places[device]

    def _tied(self, device: torch.device) -> Ties | None:
        if device not in self._ties:
            with torch.inference_mode(False):
                places = self._placed(torch.device("cpu"))
                self._ties[device] = Ties.of(self.chains, places, device) if len(self.chains.pull) else None
        return self._ties[device]
