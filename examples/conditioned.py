"""For both examples: a prediction of another program, stopped at its denoiser's first call, and its atoms by name.

At that call the program has done all that it does but once, and hands its network everything that it is conditioned on.
"""

import copy
import inspect

import numpy as np
import torch

import edmnoise as edm


class Reached(BaseException):
    """The first call and its arguments; no Exception, for programs catch those and go on with their next input."""


def first_call(owner, name, run):
    """Run a prediction up to the first call of a method, and no further.

    Parameters
    ----------
    owner, name
        The class and the name of its method that denoises.
    run
        Called without arguments: makes the program predict, in this process.

    Returns
    -------
    tuple
        The object whose method was called, and its arguments by name: copies, since predictions are made in torch's
        inference mode, whose tensors know no gradients.

    Raises
    ------
    edmnoise.EdmNoiseError
        For a run that ends without a call.
    """
    method = getattr(owner, name)
    signature = inspect.signature(method)

    def reached(*given, **named):
        raise Reached(signature.bind(*given, **named).arguments)

    setattr(owner, name, reached)
    try:
        with torch.set_grad_enabled(torch.is_grad_enabled()):  # put back what the program sets
            run()
    except Reached as call:
        arguments = dict(call.args[0])
    else:
        raise edm.EdmNoiseError(f"the prediction ended and never called {owner.__name__}.{name}: see what it printed")
    finally:
        setattr(owner, name, method)
    return arguments.pop("self"), copy.deepcopy(arguments)


def words(one_hot):
    """(M, 4, 64) letters, the code of a character less 32, as AlphaFold 3 has names of atoms -> M names."""
    codes = one_hot.argmax(-1).tolist()
    return ["".join(chr(code + 32) for code in row).strip() for row in codes]


def rows_of(structure, chain, number, name):
    """Which of the network's atoms each atom of the structure is, by chain, number of the residue, and name.

    Parameters
    ----------
    structure
        N atoms, in any order.
    chain, number, name
        The same three of each of the network's atoms.

    Returns
    -------
    torch.Tensor
        (N,) int64.

    Raises
    ------
    edmnoise.EdmNoiseError
        For other atoms, with the first that differs.
    """
    network = [f"{a}/{b}/{c}" for a, b, c in zip(chain, number, name, strict=True)]
    places = {label: row for row, label in enumerate(network)}
    atoms = structure.atoms
    labels = [f"{a}/{b}/{c}" for a, b, c in zip(atoms.chain, atoms.number, atoms.name, strict=True)]
    there = f"the network is of {len(network):,} atoms, the structure of {len(labels):,}"
    for place, label in enumerate(labels):
        if label not in places:
            raise edm.EdmNoiseError(f"{there}: the network has no {label}, number {place + 1} of the structure")
    known = set(labels)
    for place, label in enumerate(network):
        if label not in known:
            raise edm.EdmNoiseError(f"{there}: the structure has no {label}, number {place + 1} of the network")
    if len(labels) != len(network):
        again = next(label for place, label in enumerate(labels) if label in labels[:place])
        raise edm.EdmNoiseError(f"{there}: the structure has {again} twice")
    return torch.from_numpy(np.array([places[label] for label in labels]))
