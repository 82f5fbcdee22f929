"""Multiscale noise in a training loop of my own?

`edm.MultiscaleNoiseLike` stands where `torch.randn_like` stood: structures of several sizes in one padded batch, a seed
for each row. The loss is weighted as in AlphaFold 3, and `edm.LevelMetrics` says what to log.

Error of a small network by level and epoch at noise levels from 2 to 8 Å.
"""

import torch
from matplotlib import pyplot as plt
from shown import PARTS, cut, finish, given

import edmnoise as edm

DATA = 16.0  # sigma_data, angstrom
device = "cuda" if torch.cuda.is_available() else "cpu"
whole = given("AD", range(4, 20))
structures = [cut(whole, chain) for chain in sorted(set(whole.atoms.chain.tolist()))]
centred = [torch.tensor(structure.coordinates - structure.coordinates.mean(0)) for structure in structures]


def collate(visits):
    """Rows of visits. A visit's number is its seed too: no number of workers or rows changes its noise."""
    numbers = [visit % len(structures) for visit in visits]
    groups = edm.PaddedGroups.of([structures[number] for number in numbers])
    x = torch.nn.utils.rnn.pad_sequence([centred[number] for number in numbers], batch_first=True)
    return x, groups, x.shape[1] * torch.tensor(numbers)[:, None] + torch.arange(x.shape[1]), visits


class Network(torch.nn.Module):
    """D = c_skip x + c_out F(c_in x, which atom, ln sigma), as in EDM, an atom by itself."""

    def __init__(self, atoms):
        super().__init__()
        self.which = torch.nn.Embedding(atoms, 48)
        self.layers = torch.nn.Sequential(torch.nn.Linear(52, 96), torch.nn.SiLU(), torch.nn.Linear(96, 3))

    def forward(self, x, sigma, which):
        both = (sigma**2 + DATA**2).sqrt()
        seen = torch.cat([x / both, self.which(which), (sigma.log() / 4).expand(*which.shape, 1)], -1)
        return DATA**2 / both**2 * x + sigma * DATA / both * self.layers(seen)


torch.manual_seed(0)
network = Network(len(structures) * max(structure.n_atoms for structure in structures)).to(device)
optimizer = torch.optim.Adam(network.parameters(), 1e-2)
noise_like, logged = edm.MultiscaleNoiseLike(edm.Weights.named("rebalanced")), []
for epoch in range(8):
    metrics, visits = edm.LevelMetrics(), range(1_280 * epoch, 1_280 * (epoch + 1))
    for batch in torch.utils.data.DataLoader(visits, 32, collate_fn=collate):
        x, groups, which = (part.to(device) for part in batch[:3])
        sigma = DATA * torch.exp(-1.2 + 1.5 * torch.randn(len(x), 1, 1, device=device))
        denoised = network(x + sigma * noise_like(x, groups, seeds=batch[3]), sigma, which)
        weighted = (sigma**2 + DATA**2) / (sigma * DATA) ** 2 * (denoised - x) ** 2
        optimizer.zero_grad()
        weighted[groups.mask].mean().backward()
        optimizer.step()
        metrics.update(denoised - x, sigma, groups)
    logged.append(metrics.compute())
figure, axis = plt.subplots()
for part, colour in PARTS.items():
    errors = [row[f"{part} at sigma 2 to 8 A"] for row in logged]
    print(f"{part}: {errors[0]:.2f} A in the first epoch, {errors[-1]:.2f} A in the last")
    axis.plot(range(1, len(errors) + 1), errors, "o-", color=colour, label=part)
axis.set(title="Error at σ from 2 to 8 Å", xlabel="epoch", ylabel="error (Å)", ylim=(0, None))
axis.legend()
finish(figure)
