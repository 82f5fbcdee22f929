"""What the small networks of other programs share."""

import inspect

import torch


def shaken(*modules):
    """Random weights throughout: the last layers begin with zeros, and would make a network that says nothing."""
    with torch.no_grad():
        for module in modules:
            for parameter in module.parameters():
                parameter += 0.2 * torch.randn_like(parameter)


def heard_first(owner, name, run):
    """Arguments by name and result of a method's first call in a run, which goes on to its end."""
    method, calls = getattr(owner, name), []

    def heard(*given, **named):
        made = method(*given, **named)
        calls.append((inspect.signature(method).bind(*given, **named).arguments, made.clone()))
        return made

    setattr(owner, name, heard)
    try:
        run()
    finally:
        setattr(owner, name, method)
    return calls[0]
