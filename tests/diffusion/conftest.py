"""Noise that is known beforehand, for tests that compare a sampler number by number."""

import pytest

from edmnoise.noise.processes.nested import NestedCovariance


class Replayed(NestedCovariance):
    """A nested covariance whose draws are given: rows of each batch in turn, then the next batch."""

    def __init__(self, hierarchy, variances, draws):
        super().__init__(hierarchy, dict(zip(hierarchy.names, variances, strict=True)))
        self.numbers = iter([row for batch in draws for row in batch])

    def draw(self, out, generator):
        return out.copy_(next(self.numbers))


@pytest.fixture(scope="session")
def replayed():
    """Make one from a hierarchy, its variances, and the batches (B, 3, N) that will be drawn."""
    return Replayed
