#!/bin/sh
# Lightning averages what processes log in the order in which each of them logs it, whatever it is called: where one
# logs another name than the rest, sync_dist=True makes means of different things, without a word.
#
# Source: pytorch-lightning 2.6.6, lightning's issue 21409; each value is reduced by a call of its own, and calls are
# matched by their order. torch 2.13.0, Python 3.11.
# Behaviour: process 0 logs a = 1 and b = 2, process 1 logs b = 2 and c = 3. Process 0 then has a = 1.5, which is the
# mean of a and b, and b = 2.5, which is that of b and c.
# Metrics by noise level have such names: a level that a process was not shown has none there. LevelMetrics.all_reduced
# gives all processes the same names and values.
# Seen: a 1.5 b 2.5
# Exits with 1 where the behaviour has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 pytorch-lightning==2.6.6
cat > "$folder/names.py" <<'PY'
import sys

import pytorch_lightning as pl
import torch

LOGGED = {"a": 1.0, "b": 2.0}, {"b": 2.0, "c": 3.0}


class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-3)

    def training_step(self, batch, batch_idx):
        return self.layer(batch).mean()

    def on_train_epoch_end(self):
        self.log_dict(LOGGED[self.global_rank], sync_dist=True)


if __name__ == "__main__":
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(max_epochs=1, accelerator="cpu", devices=2, strategy="ddp_spawn", **quiet)
    trainer.fit(Module(), torch.utils.data.DataLoader(torch.randn(8, 1), 2))
    found = {name: float(value) for name, value in trainer.callback_metrics.items()}
    print(*(f"{name} {value:g}" for name, value in found.items()))
    sys.exit(0 if found == {"a": 1.5, "b": 2.5} else 1)
PY
cd "$folder"
"$folder/venv/bin/python" names.py
