"""K = sum over levels of S diag(w) S^T (S: membership matrix of the level): normal noise on nested groups, added up.

Everything is O(N), for any depth and group sizes, and for a variance w of its own in every group. From the atoms
(v = w) upward, over the members of each group g of the next level:

    u_g = 1 / sum 1/v,    a = u_g / v,    m_g = sum a m,    t_g = sum sqrt(a) t,    v_g = u_g + w_g:

m_g is the best mean of the group, u_g the variance that its members leave it. With the deviations
d = (m - m_parent) / sqrt(v), at the top d = m / sqrt(v),

    x^T K^-1 y = sum of d(x) d(y) over all groups of all levels: squares, in which nothing cancels
    K^-1 x     = f of the atoms,  f = d / sqrt(v) + a f_parent  downward from f = d / sqrt(v)
    C K^-1 x   = sum of w_g f_g over the atom and the groups g around it, w being those of a part C of K
    L^-1 x     = z of the atoms,  z = d + sqrt(a) z_parent      downward from z = d
    L z        = sqrt(w) z + sum of (sqrt(v_g) - sqrt(u_g)) t_g over the groups g around the atom
    log det K  = sum of log w over the atoms + sum of log(1 + w_g / u_g) over the groups.

L is square and K = L L^T: it leaves what atoms do within their group, and scales the group's mean from sqrt(u) to
sqrt(v). Levels without variance change nothing and are passed over, so that flat noise costs what K = I does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...base.errors import EdmNoiseError
from ...base.threads import alone, mapped
from ...structure.hierarchy import Hierarchy, Index
from ...structure.levels import group_sum, spread
from ..covariance import Covariance, checked_atoms
from ..weights import Weights, level_values

_BLOCK_NUMBERS = 1 << 18
"""Numbers in the rows that are worked on together, 2 MiB in float64: fresh memory for the whole of a large batch
costs more time than all the arithmetic."""

_NOTHING = 1e-200
"""Stands for a variance of 0 where it is divided by; its root still vanishes beside that of any other variance."""


class _Level(NamedTuple):
    """What a level that varies contributes; (groups,) or, where all groups are alike, (1,)."""

    w: Tensor
    gain: Tensor  # sqrt(v) - sqrt(u); of the atoms sqrt(w)
    ratio: Tensor  # w / u; of the atoms not used
    p: Tensor  # 1 / v
    root_p: Tensor


class _Link(NamedTuple):
    """The way from one level that varies to the next one that does."""

    hierarchy: Hierarchy
    fine: int
    coarse: int
    alike: bool  # all members have one precision: a share depends on the parent alone, and is kept per parent
    share: Tensor  # a
    root_share: Tensor

    def sum(self, values: Tensor, share: Tensor | None = None) -> Tensor:
        """Sum over the members of each parent, each times its share."""
        if share is not None and not self.alike:
            values = values * share
        sums = group_sum(values, self.hierarchy, self.fine, self.coarse)
        return sums * share if share is not None and self.alike else sums

    def spread(self, values: Tensor, share: Tensor | None = None) -> Tensor:
        """Each member's share of its parent's value, in memory of its own: the transpose of `sum`."""
        if share is not None and self.alike:
            values = values * share
        members = spread(values, self.hierarchy, self.coarse, self.fine)
        return members.mul_(share) if share is not None and not self.alike else members


class _Tree(NamedTuple):
    """The levels that vary, finest first, and the links between them."""

    levels: list[_Level]
    links: list[_Link]


class NestedCovariance(Covariance):
    """Covariance of independent normal noise at every level of nested groups, added up.

    Parameters
    ----------
    hierarchy
        Nested groups, any number of levels.
    variances
        Variance by the name of the level: a number, or one for each of the level's groups; a level that is not named
        has none. `Weights` are variances of a structure's three levels.

    Notes
    -----
    ``a + b`` and ``2.0 * a`` are nested on the same groups again. Where C is the covariance of what fluctuates and K
    that of the noise, M = C + sigma**2 * K, and ``M.filter(C, x)`` is C M^-1 x.
    Gradients pass, also to variances that ask for them.

    Examples
    --------
    >>> pairs = Hierarchy(("atom", "residue"), (np.array([0, 0, 1, 1]),))
    >>> k = NestedCovariance(pairs, {"atom": 1.0, "residue": 4.0})
    >>> k
    NestedCovariance(atom 1, residue 4)
    >>> x = torch.tensor([1.0, 1.0, 0.0, 0.0])
    >>> k.multiply(x).tolist()
    [9.0, 9.0, 0.0, 0.0]
    >>> round(k.inner(x, x).item(), 6)  # the variance of a pair's mean is 4 + 1/2
    0.222222
    """

    def __init__(self, hierarchy: Hierarchy, variances: Weights | Mapping[str, float | Tensor]) -> None:
        self.hierarchy = hierarchy
        given = level_values(hierarchy, variances, "variances")
        self.variances = tuple(map(_checked, given, hierarchy.names, hierarchy.counts))
        self._rigid = not bool(self.variances[0].all())
        self._varying = [k for k, w in enumerate(self.variances) if k == 0 or w.requires_grad or bool(w.any())]
        self._top = self._varying[-1]
        self._white = self._top == 0 and bool((self.variances[0] == 1).all())
        self._trees: dict[torch.device, _Tree] = {}
        self._drawn: dict[tuple[torch.device, torch.dtype], list[Tensor | None]] = {}

    @property
    def atoms(self) -> int:
        return self.hierarchy.counts[0]

    def __add__(self, other: NestedCovariance) -> NestedCovariance:
        self._check_groups(other)
        return self._with([a + b for a, b in zip(self.variances, other.variances, strict=True)])

    def __mul__(self, scale: float) -> NestedCovariance:
        return self._with([scale * variance for variance in self.variances])

    __rmul__ = __mul__

    def _with(self, variances: Sequence[Tensor]) -> NestedCovariance:
        return NestedCovariance(self.hierarchy, dict(zip(self.hierarchy.names, variances, strict=True)))

    def restricted(self, atoms: Index) -> NestedCovariance:
        hierarchy, kept = self.hierarchy.restricted(checked_atoms(atoms, self.atoms))
        each = [w if len(w) == 1 else w[torch.from_numpy(k)] for w, k in zip(self.variances, kept, strict=True)]
        return NestedCovariance(hierarchy, dict(zip(hierarchy.names, each, strict=True)))

    def __repr__(self) -> str:
        levels = zip(self.hierarchy.names, self.variances, strict=True)
        return f"NestedCovariance({', '.join(f'{name} {_shown(variance)}' for name, variance in levels)})"

    def multiply(self, x: Tensor) -> Tensor:
        return self._along_atoms(self._multiply, x)

    def solve(self, x: Tensor) -> Tensor:
        return self._along_atoms(self._solve, x, inverse=True)

    def factor(self, z: Tensor) -> Tensor:
        return self._along_atoms(self._factor, z)

    def whiten(self, x: Tensor) -> Tensor:
        return self._along_atoms(self._whiten, x, inverse=True)

    def inner(self, x: Tensor, y: Tensor) -> Tensor:
        return self._rowwise(self._inner, *((x,) if x is y else (x, y)), inverse=True)

    def gls_mean(self, x: Tensor) -> Tensor:
        return self._rowwise(self._gls_mean, x, inverse=True).to(x.dtype)

    def precision(self) -> Tensor:
        self._check_inverse()
        p = self._tree().levels[-1].p
        return p.expand(self.hierarchy.counts[self._top]).sum()

    @alone()
    def logdet(self) -> Tensor:
        self._check_inverse()
        atoms, *groups = self._tree().levels
        total = atoms.w.log().expand(self.atoms).sum()
        for level in groups:
            total = total + level.ratio.log1p().sum()
        return total

    def filter(self, part: NestedCovariance, x: Tensor) -> Tensor:
        """C K^-1 x, (..., N): the mean of that part of x, x ~ N(0, K), which has the covariance C.

        Parameters
        ----------
        part
            C, on the same groups: K is C and more. It may be singular.

        Notes
        -----
        ``C.multiply(K.solve(x))`` in one pass and, where K is almost singular, with all digits: K^-1 x is large then
        and its sums over groups small, and they are taken before it is made.
        """
        self._check_groups(part)
        if not set(part._varying) <= set(self._varying):
            raise EdmNoiseError(f"{part} is no part of {self}: give a covariance that was added to it")
        shares = {k: part.variances[k].to(x.device) for k in self._varying}
        return self._rowwise(lambda rows: self._filter(shares, rows).to(x.dtype), x, inverse=True)

    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        self._check(out)
        # Finest first, levels without variance included: all variances get the same normal numbers from one seed.
        out.normal_(generator=generator)
        # The rest takes a third of the time of the numbers of 1,000 atoms, and published samplers want nothing of it.
        return out if self._white else self._with_levels(out, generator)

    @alone()
    def _with_levels(self, atoms: Tensor, generator: torch.Generator) -> Tensor:
        """The normal numbers of atoms scaled, and those of all that they are in drawn and added."""
        roots = self._roots(atoms.device, atoms.dtype)
        levels = [atoms.new_empty(*atoms.shape[:-1], count) for count in self.hierarchy.counts[1 : self._top + 1]]
        drawn = [atoms, *(level.normal_(generator=generator) for level in levels)]
        for eps, root in zip(drawn, roots, strict=False):
            if root is not None:
                eps.mul_(root)
        if self._top:
            for link in reversed(self._tree(atoms.device).links):
                drawn[link.fine].add_(link.spread(drawn[link.coarse]))
        return atoms

    # On rows, (rows, N) in float64

    def _multiply(self, x: Tensor) -> Tensor:
        levels, links = self._tree(x.device)
        sums = [x]
        for link in links:
            sums.append(link.sum(sums[-1]))
        y = sums[-1] * levels[-1].w
        for link, level, total in _down(links, levels, sums):
            y = link.spread(y).addcmul_(total, level.w)
        return y

    def _factor(self, z: Tensor) -> Tensor:
        levels, links = self._tree(z.device)
        t = [z]
        for link in links:
            t.append(link.sum(t[-1], link.root_share))
        y = t[-1] * levels[-1].gain
        for link, level, own in _down(links, levels, t):
            y = link.spread(y).addcmul_(own, level.gain)
        return y

    def _deviations(self, x: Tensor) -> list[Tensor]:
        """d: (rows, groups) of each level that varies."""
        levels, links = self._tree(x.device)
        deviations, mean = [], x
        for link, level in zip(links, levels, strict=False):
            above = link.sum(mean, link.share)
            deviations.append(link.spread(above).sub_(mean).mul_(-level.root_p))
            mean = above
        return [*deviations, mean * levels[-1].root_p]

    def _solve(self, x: Tensor) -> Tensor:
        *_, f = self._flows(x)
        return f

    def _flows(self, x: Tensor) -> Iterator[Tensor]:
        """f: K^-1 x summed over the groups of each level that varies, coarsest first."""
        levels, links = self._tree(x.device)
        d = self._deviations(x)
        f = d[-1] * levels[-1].root_p
        yield f
        for link, level, own in _down(links, levels, d):
            f = link.spread(f, link.share).addcmul_(own, level.root_p)
            yield f

    def _filter(self, part: dict[int, Tensor], x: Tensor) -> Tensor:
        flows = self._flows(x)
        y = next(flows) * part[self._top]
        for link, f in zip(reversed(self._tree(x.device).links), flows, strict=True):
            y = link.spread(y).addcmul_(f, part[link.fine])
        return y

    def _whiten(self, x: Tensor) -> Tensor:
        levels, links = self._tree(x.device)
        d = self._deviations(x)
        z = d[-1]
        for link, _, own in _down(links, levels, d):
            z = link.spread(z, link.root_share).add_(own)
        return z

    def _inner(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        dx = self._deviations(x)
        dy = dx if y is None else self._deviations(y)
        return torch.stack([torch.linalg.vecdot(a, b) for a, b in zip(dx, dy, strict=True)]).sum(dim=0)

    def _gls_mean(self, x: Tensor) -> Tensor:
        levels, links = self._tree(x.device)
        for link in links:
            x = link.sum(x, link.share)
        p = levels[-1].p
        return x.mean(dim=-1) if len(p) == 1 else x @ (p / p.sum())

    # Around them

    @alone()
    def _along_atoms(self, function: Callable[[Tensor], Tensor], x: Tensor, inverse: bool = False) -> Tensor:
        """Map the last axis, and give the result in the precision of ``x``."""
        if self._top == 0 and len(self.variances[0]) == 1:  # a multiple of 1: one number tells what happens to all
            self._check(x, inverse)
            return x * function(x.new_ones(1, 1)).reshape(())
        return self._rowwise(lambda rows: function(rows).to(x.dtype), x, inverse=inverse)

    @alone()
    def _rowwise(self, function: Callable[..., Tensor], *given: Tensor, inverse: bool) -> Tensor:
        """Call ``function`` on a few rows (rows, N) of what is given at a time, in float64; join the results."""
        for x in given:
            self._check(x, inverse)
        shape = torch.broadcast_shapes(*(x.shape for x in given))
        rows = [x.expand(shape).reshape(-1, self.atoms) for x in given]
        step = max(1, _BLOCK_NUMBERS // self.atoms)
        if len(rows[0]) <= step:
            whole = function(*(row.double() for row in rows))
        else:
            parts = list(zip(*(row.split(step) for row in rows), strict=True))
            self._tree(parts[0][0].device)  # before threads ask for it
            whole = torch.cat(mapped(lambda part: function(*(row.double() for row in part)), parts))
        return whole.reshape((*shape[:-1], *whole.shape[1:]))

    def _check(self, x: Tensor, inverse: bool = False) -> None:
        if x.ndim == 0 or x.shape[-1] != self.atoms or not x.is_floating_point():
            raise EdmNoiseError(
                f"{x.dtype} of the shape {tuple(x.shape)} is not along the atoms: give floats (..., {self.atoms})"
            )
        if inverse:
            self._check_inverse()

    def _check_groups(self, other: NestedCovariance) -> None:
        a, b = self.hierarchy, other.hierarchy
        if not (a is b or (a.counts == b.counts and all(map(np.array_equal, a.parents, b.parents)))):
            raise EdmNoiseError(f"{a} and {b} group atoms differently: give covariances on the same groups")

    def _check_inverse(self) -> None:
        if self._rigid:
            atom, residue = self.hierarchy.names[:2]
            raise EdmNoiseError(
                f"this noise has no inverse: without variance of the {atom}s, {residue}s move rigidly; "
                f"give the {atom}s a floor of 1e-6 or more, as the weights 0.3 0.699999 0.000001 do"
            )

    def _roots(self, device: torch.device, dtype: torch.dtype) -> list[Tensor | None]:
        """Standard deviations of the levels, None for 1."""
        # Kept: for each of 8 x 1,000 atoms they took as long as the normal numbers.
        if (device, dtype) not in self._drawn:
            roots = [w.detach().sqrt().to(device, dtype) for w in self.variances]
            self._drawn[device, dtype] = [None if bool((root == 1).all()) else root for root in roots]
        return self._drawn[device, dtype]

    def _tree(self, device: torch.device | str = "cpu") -> _Tree:
        key = torch.device(device)
        if key not in self._trees:
            # What is kept must serve gradients later, whatever mode it is made in; this one turns them on.
            with torch.inference_mode(False):
                self._trees[key] = _grow(self.hierarchy, {k: self.variances[k].to(key) for k in self._varying})
        return self._trees[key]


def _down(links: list[_Link], levels: list[_Level], values: list[Tensor]) -> Iterator[tuple[_Link, _Level, Tensor]]:
    """Each link with the level at its lower end and a value there, coarsest first."""
    return zip(reversed(links), reversed(levels[:-1]), reversed(values[:-1]), strict=True)


def _grow(hierarchy: Hierarchy, variances: dict[int, Tensor]) -> _Tree:
    """u, v and shares, from the atoms upward."""
    w = variances[0]
    p = 1 / w.clamp(min=_NOTHING)
    levels, links = [_Level(w, w.sqrt(), w, p, p.sqrt())], []
    for fine, coarse in pairwise(variances):
        u = 1 / group_sum(p.expand(hierarchy.counts[fine]), hierarchy, fine, coarse)
        alike = len(p) == 1
        share = p * (u if alike else spread(u, hierarchy, coarse, fine))
        links.append(_Link(hierarchy, fine, coarse, alike, share, share.sqrt()))
        w = variances[coarse]
        v = u + w
        p = 1 / v
        levels.append(_Level(w, w / (v.sqrt() + u.sqrt()), w / u, p, p.sqrt()))
    return _Tree(levels, links)


def _checked(variance: float | Tensor, name: str, count: int) -> Tensor:
    """A variance as (1,) or (count,) float64 on the CPU; EdmNoiseError for one that is negative, or not finite."""
    with torch.inference_mode(False):  # as for the tree
        w = torch.atleast_1d(torch.as_tensor(variance, dtype=torch.float64, device="cpu").clone())
    if w.shape not in {(1,), (count,)}:
        raise EdmNoiseError(f"variances of level {name!r} have the shape {tuple(w.shape)}: give one, or ({count},)")
    if not bool((w.isfinite() & (w >= 0)).all()):
        raise EdmNoiseError(f"variance of level {name!r} is {_shown(w)}: give numbers that are finite and not negative")
    return w


def _shown(w: Tensor) -> str:
    low, high = w.min().item(), w.max().item()
    return f"{low:g}" if len(w) == 1 else f"{low:g}...{high:g}"
