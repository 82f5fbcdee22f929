"""The training of examples/lightning_loop.py in one process and in two, by Lightning and by a plain loop.

Lightning writes lightning_logs/version_0 and version_1, the plain loop plain_1.json and plain_2.json: what is logged in
each epoch.
"""

import argparse
import json
import sys
from pathlib import Path


def plain(loop, processes):
    """What is logged in each epoch where gradients are means over processes, each with a share of the rows."""
    import torch
    from torch.utils.data import DataLoader, DistributedSampler

    import edmnoise as edm

    def each(what):
        """What every process makes with the same random numbers, one after the other."""
        state, made = torch.get_rng_state(), []
        for process in range(processes):
            torch.set_rng_state(state)
            made.append(what(process))
        return made

    def loader(process, epoch):
        # Lightning shuffles where there are several processes, whatever the loader that it was given does.
        share = DistributedSampler(range(loop.ROWS), processes, process, shuffle=processes > 1)
        share.set_epoch(epoch)
        return iter(DataLoader(range(loop.ROWS), 32, sampler=share, collate_fn=loop.collate))

    torch.manual_seed(0)
    network, noise_like = loop.Network(), edm.MultiscaleNoiseLike(edm.Weights.named("rebalanced"))
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    if processes > 1:
        torch.manual_seed(0)  # as Lightning does anew where it sets processes up
    metrics = {"displacement": edm.LevelMetrics(), "error": edm.LevelMetrics()}

    def loss(batch, epoch):
        x, groups, atoms, rows = batch
        sigma = 16 * torch.exp(-1.2 + 1.5 * torch.randn(len(x), 1, 1))
        noise = sigma * noise_like(x, groups, seeds=[loop.ROWS * epoch + row for row in rows])
        error = network(x + noise, sigma, atoms) - x
        metrics["displacement"].update(noise, sigma, groups)
        metrics["error"].update(error, sigma, groups)
        return ((sigma**2 + 256) / (16 * sigma) ** 2 * error**2)[groups.mask].mean()

    for epoch in range(2):
        for batches in zip(*each(lambda process, epoch=epoch: loader(process, epoch)), strict=True):
            losses = each(lambda process, batches=batches, epoch=epoch: loss(batches[process], epoch))
            optimizer.zero_grad()
            torch.stack(losses).mean().backward()
            optimizer.step()
        yield {f"{name}/{level}": value for name, held in metrics.items() for level, value in held.compute().items()}
        for held in metrics.values():
            held.reset()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    del sys.argv[1:]  # the example takes a structure that is named there
    import lightning_loop

    for processes, how in ((1, {}), (2, {"devices": 2, "strategy": "ddp_spawn"})):
        (folder / f"plain_{processes}.json").write_text(json.dumps(list(plain(lightning_loop, processes))))
        lightning_loop.fit(accelerator="cpu", enable_progress_bar=False, enable_model_summary=False, **how)


if __name__ == "__main__":  # processes of their own read this file, too
    main()
