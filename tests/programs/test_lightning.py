"""What examples/lightning_loop.py, which docs/loop.rst shows, logs in real Lightning is what a plain loop logs."""

import csv
import json

import pytest


@pytest.fixture(scope="module")
def folder(written):
    return written("pytorch-lightning", "write_lightning.py")


@pytest.mark.parametrize("processes", [1, 2])
def test_levels_are_those_of_a_plain_loop(folder, processes):
    """With two, each sees half of the rows, and both log the levels of all."""
    wanted = json.loads((folder / f"plain_{processes}.json").read_text())
    with (folder / "lightning_logs" / f"version_{processes - 1}" / "metrics.csv").open() as file:
        logged = list(csv.DictReader(file))
    assert [row["epoch"] for row in logged] == ["0", "1"]
    for row, levels in zip(logged, wanted, strict=True):
        assert {"displacement/chain at sigma 2 to 8 A", "error/atom in residue at sigma 2 to 8 A"} < set(levels)
        found = {name: float(value) for name, value in row.items() if name not in ("epoch", "step") and value}
        assert found == pytest.approx(levels, rel=1e-6)
    first, last = (levels["error/atom in residue at sigma 8 to 32 A"] for levels in wanted)
    assert last < 0.98 * first  # it trains: a network that stays would log the same in any loop
