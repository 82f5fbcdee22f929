"""Is my torch network as good as it can be?

For known states the best denoiser is known exactly, so the error of a network has a floor. Here a small one learns two
chains in two places, one of them 6 Å further away, in some hundred steps. What edmnoise asks of a network is a method
`denoise(x, sigma)`.

Error of the network against the noise level, above that of the exact denoiser, below which none gets, and beside that
of one that says the mean of both states whatever it sees.
"""

import torch
from matplotlib import pyplot as plt
from shown import finish, toxin

import edmnoise as edm

torch.manual_seed(0)
pair = toxin("DE", range(1, 11))
near = torch.tensor(pair.coordinates).mT  # (3, N)
far = near + torch.tensor([6.0, 0.0, 0.0])[:, None] * torch.tensor(pair.atoms.chain == "E")
states = torch.stack([near, far])
states -= states.mean(2, keepdim=True)
scale = float(states.std())


class Mine(torch.nn.Module):
    """D(x; sigma) = s F(x / sqrt(sigma^2 + s^2), ln sigma), with s the scale of the data."""

    def __init__(self, atoms):
        super().__init__()
        layers = torch.nn.Linear(3 * atoms + 1, 96), torch.nn.SiLU(), torch.nn.Linear(96, 3 * atoms)
        self.layers = torch.nn.Sequential(*layers)

    def forward(self, x, sigma):  # (B, 3, N) and (B, 1, 1)
        seen = torch.cat([(x / (sigma**2 + scale**2).sqrt()).flatten(1), sigma[:, 0].log() / 4], 1)
        return scale * self.layers(seen).view_as(x)

    def denoise(self, x, sigma):  # what edm.sample and edm.run_sampler call
        return edm.Denoised(self(x, x.new_full((len(x), 1, 1), sigma)))


network = Mine(states.shape[2])
optimizer = torch.optim.Adam(network.parameters(), 2e-3)
for _ in range(500):
    clean = states[torch.randint(2, (64,))]
    sigma = torch.empty(64, 1, 1).uniform_(-1, 5).exp()
    error = network(clean + sigma * torch.randn_like(clean), sigma) - clean
    optimizer.zero_grad()
    error.square().mean().backward()
    optimizer.step()

covariance = edm.MultiscaleNoise(pair.hierarchy, edm.Weights.named("flat")).covariance
exact = edm.StatesDenoiser(states, covariance, gauge="fixed")
clean, levels = states.repeat(50, 1, 1), torch.logspace(0, 2, 13).tolist()
figure, axis = plt.subplots()
for name, denoiser, colour in ("mine", network, "#3f51b5"), ("exact", exact, "#26262e"):
    with torch.no_grad():
        said = [denoiser.denoise(clean + sigma * torch.randn_like(clean), sigma).atoms for sigma in levels]
    errors = [float((atoms - clean).square().mean().sqrt()) for atoms in said]
    print(f"{name} at {levels[6]:g} A: error {errors[6]:.3f} A")
    axis.semilogx(levels, errors, color=colour, label=name)
axis.axhline(float((states[0] - states[1]).square().mean().sqrt()) / 2, color="#8a8a94", label="the mean of both")
axis.set(title="What is left to learn", xlabel="σ (Å)", ylabel="error (Å)", ylim=(0, 1.6))
axis.xaxis.set_major_formatter("{x:g}")
axis.legend()
finish(figure)
