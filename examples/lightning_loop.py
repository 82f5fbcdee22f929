"""Multiscale noise in Lightning, and a callback that logs displacement and error of each level.

    python lightning_loop.py [mine.pdb]

Its network learns a place for each atom and nothing more: put yours. Lightning's other name, ``lightning.pytorch``,
does the same.
"""

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from shown import cut, given

import edmnoise as edm

DATA, ROWS = 16.0, 256  # sigma_data, angstrom; rows of an epoch
whole = given("AD", range(4, 20))
structures = [cut(whole, chain) for chain in sorted(set(whole.atoms.chain.tolist()))]
centred = [torch.tensor(structure.coordinates - structure.coordinates.mean(0)) for structure in structures]


def collate(rows):
    numbers = [row % len(structures) for row in rows]
    x = torch.nn.utils.rnn.pad_sequence([centred[number] for number in numbers], batch_first=True)
    atoms = torch.tensor(numbers)[:, None] + len(structures) * torch.arange(x.shape[1])
    return x, edm.PaddedGroups.of([structures[number] for number in numbers]), atoms, rows


class Network(torch.nn.Module):
    """D = c_skip x + c_out F, as in EDM."""

    def __init__(self):
        super().__init__()
        self.place = torch.nn.Embedding(len(structures) * max(map(len, centred)), 3)

    def forward(self, x, sigma, atoms):
        both = sigma**2 + DATA**2
        return DATA**2 / both * x + sigma * DATA / both.sqrt() * self.place(atoms)


class Training(pl.LightningModule):
    """What a step returns beside its loss is given to callbacks."""

    def __init__(self):
        super().__init__()
        self.network, self.noise_like = Network(), edm.MultiscaleNoiseLike(edm.Weights.named("rebalanced"))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2)

    def training_step(self, batch, batch_idx):
        x, groups, atoms, rows = batch  # on their device, groups too
        seeds = [ROWS * self.current_epoch + row for row in rows]
        sigma = DATA * torch.exp(-1.2 + 1.5 * torch.randn(len(x), 1, 1, device=x.device))
        displacement = sigma * self.noise_like(x, groups, seeds=seeds)
        error = self.network(x + displacement, sigma, atoms) - x
        loss = ((sigma**2 + DATA**2) / (sigma * DATA) ** 2 * error**2)[groups.mask].mean()
        return {"loss": loss, "displacement": displacement, "error": error.detach(), "sigma": sigma, "groups": groups}


class Levels(pl.Callback):
    """Displacement and error of each level by noise level, once an epoch, over all processes."""

    def __init__(self):
        self.metrics = {"displacement": edm.LevelMetrics(), "error": edm.LevelMetrics()}

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        for name, metrics in self.metrics.items():
            metrics.update(outputs[name], outputs["sigma"], outputs["groups"])

    def on_train_epoch_end(self, trainer, module):
        for name, metrics in self.metrics.items():
            levels = metrics.all_reduced().compute()  # the same in each process: sync_dist has nothing to change
            module.log_dict({f"{name}/{level}": value for level, value in levels.items()}, sync_dist=True)
            metrics.reset()


def fit(**options):
    pl.seed_everything(0)
    trainer = pl.Trainer(
        max_epochs=2, callbacks=[Levels()], logger=CSVLogger("."), enable_checkpointing=False, **options
    )
    trainer.fit(Training(), torch.utils.data.DataLoader(range(ROWS), 32, collate_fn=collate))


if __name__ == "__main__":
    fit(accelerator="cuda" if torch.cuda.is_available() else "cpu")
