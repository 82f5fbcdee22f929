"""Which step of which samples a denoiser call is: rows are counted, and a level that jumps up begins other samples."""

from __future__ import annotations

from typing import NamedTuple

_JUMP = 2
"""A level so many times the one before begins other samples: churn raises levels by less (AlphaFold 3: 1.8)."""


class Position(NamedTuple):
    """Where in the sampling the last call is.

    As many rows as are told the first level are the samples that are made together, in one call or in several. Each
    call after holds the next of them in turn.
    """

    begin: int = 0
    together: int = 0
    first: float = 0.0
    step: int = 0
    done: int = 0
    rows: int = 0
    sigma: float = 0.0
    call: int = 0

    @property
    def samples(self) -> range:
        """Those of the call."""
        end = self.begin + self.done
        return range(end - self.rows, end)

    @property
    def until_now(self) -> range:
        """All that were begun."""
        return range(self.begin + self.together)

    def next(self, rows: int, sigma: float, whole: bool) -> Position:
        """That of a call of so many rows; ValueError where they cannot be the next of the samples."""
        if self.step == 0 or sigma > _JUMP * self.sigma:
            return Position(self.begin + self.together, rows, sigma, 1, rows, rows, sigma)
        if self.step == 1 and sigma == self.first and not whole:
            return self._replace(together=self.together + rows, done=self.done + rows, rows=rows)
        new = self.done == self.together
        done = rows if new else self.done + rows
        if done > self.together:
            raise ValueError(
                f"a call held {rows} samples where {self.together - done + rows} were left of {self.together}"
            )
        return self._replace(step=self.step + new, done=done, rows=rows, sigma=sigma)
