"""Stand-ins for what programs import at their top and their sampling loops never use: rdkit, einx, lightning, ...

Gigabytes would be installed otherwise. A module that stands in is empty: every name that is asked of it is an empty
class, which can be called, inherited from, used as a decorator's module or as a type, and does nothing.
"""

import importlib.abc
import importlib.machinery
import sys
import types


class Empty:
    """Stands in for a class or a function."""

    def __init__(self, *given, **named):
        pass

    def __call__(self, *given, **named):
        return self

    def __class_getitem__(cls, item):
        return cls


class StandIn(types.ModuleType):
    """A module in which every name is there."""

    def __init__(self, name, known):
        super().__init__(name)
        self.__path__ = []
        self.__dict__.update(known)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (Empty,), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, names, known):
        self.names, self.known = names, known

    def find_spec(self, name, path, target=None):
        if not any(f"{name}.".startswith(f"{known}.") for known in self.names):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return StandIn(spec.name, self.known)

    def exec_module(self, module):
        pass


def stand_in(*names, **known):
    """Let modules of these names stand in where there are none; ``known`` are names that each of them really has."""
    sys.meta_path.append(Finder(set(names), known))


def replace(*names, **known):
    """The same, also where there are modules of these names."""
    sys.meta_path.insert(0, Finder(set(names), known))
