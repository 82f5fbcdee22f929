"""Do anything in PyMOL and press anything in the panel, at random, and count what goes wrong.

    python -m tools.shake_panel [--seconds 300] [--seed 0]

On a screen (xvfb-run brings one), from the top of the repository. Ends with 1 where anything of ours raised: an
exception that reached the event loop or a thread's end, a warning of Qt, a mistake that the panel's status line shows.
The same seed gives the same choices; what they meet depends on how fast the machine is.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

NAMES = ("made", "made_2", "made_noise", "made_live", "other", "chain", "made_baked")
"""Few, so that they meet; one is the beginning of others, one is a word of PyMOL's."""
MOST_STATES, MOST_ATOMS = 60, 4000
LARGEST_NUMBER = 12
"""Of frames, steps and samples: runs are to be many, not long."""
SPARED = ("save", "help")
"""Buttons that only open windows."""
# What PyMOL 3.2.0.1 is not safe with by itself, without this program, is left out: it crashed, or ended with
# "SelectorCreate-Error: inconsistent selection". So a run renames (even seeds) or has ramps (odd), not both, what makes
# atoms makes an object of its own, and objects become discrete through the panel alone.


class Faults:
    """Everything that goes wrong, by what and where."""

    def __init__(self, core: Any) -> None:
        self.counts: Counter[str] = Counter()
        sys.excepthook = lambda kind, error, trace: self.add("exception", "".join(traceback.format_exception(error)))
        threading.excepthook = lambda args: self.add("thread", repr(args.exc_value))
        sys.unraisablehook = lambda args: self.add("unraisable", f"{args.exc_value!r} {args.object!r}")
        core.qInstallMessageHandler(lambda kind, context, words: self.add("Qt", words))

    def add(self, kind: str, words: str) -> None:
        self.counts[f"{kind}: {words}"] += 1

    def status(self, sentence: str, details: str) -> None:
        """What the panel says of a mistake of ours; what it refuses has no details."""
        if details:
            self.add("mistake", f"{sentence}\n{details}")


def molecules(cmd: Any) -> list[str]:
    return list(cmd.get_object_list("all") or [])


def in_pymol(cmd: Any, dice: random.Random, renames: bool) -> list[Callable[[], Any]]:
    """What a person, a script or a wizard may do; some of it is refused."""
    known = [*molecules(cmd), *cmd.get_names("all"), dice.choice(NAMES)]
    name, other, some = dice.choice(NAMES), dice.choice(NAMES), dice.choice(known)
    state = dice.randint(0, 8)
    chosen = dice.choice((some, f"{some} and name CA", "all", f"resi {dice.randint(1, 9)}", "none", "nosuch"))
    small = [n for n in molecules(cmd) if cmd.count_states(f"%{n}") < MOST_STATES]
    source = dice.choice(small) if small else name

    def anew(make: Callable[..., Any], *facts: Any) -> Callable[[], Any]:
        def act() -> None:
            for old in (name, f"{name}_"):  # PyMOL's name for one that is a word of its own
                cmd.delete(old)
            make(*facts)

        return act

    return [
        anew(cmd.fragment, dice.choice(("ala", "trp", "phe")), name),
        anew(cmd.fab, dice.choice(("ACDEFG", "GGG", "WYV")), name),
        anew(cmd.create, name, f"%{source}", 0, dice.randint(-1, 4)),
        anew(cmd.create, name, chosen, 1, 1),
        anew(cmd.copy, name, source),
        lambda: cmd.load("$PYMOL_DATA/demo/pept.pdb", name),
        lambda: cmd.split_states(source, prefix=f"{other}_"),
        lambda: cmd.split_chains(source),
        lambda: cmd.delete(some),
        lambda: cmd.delete(some),
        lambda: cmd.delete(f"{name}*"),
        lambda: cmd.set_name(some, name) if renames else cmd.ramp_new(name, "none", [0, 1], ["white", "red"]),
        lambda: cmd.group("family", f"{name} {other}"),
        lambda: cmd.remove(chosen if chosen != "all" else "name H*"),
        lambda: cmd.alter(some, "resi = str(int(resv) + 1)"),
        lambda: cmd.color(dice.choice(("red", "blue")), chosen),
        lambda: cmd.select("sele", chosen),
        lambda: cmd.select(dice.choice(NAMES), chosen),
        lambda: cmd.enable(some),
        lambda: cmd.disable(some),
        lambda: cmd.show_as(dice.choice(("cartoon", "sticks", "lines", "spheres")), chosen),
        lambda: cmd.frame(state),
        lambda: cmd.set("state", state, source),
        lambda: cmd.set("all_states", dice.randint(0, 1)),
        lambda: cmd.mset(dice.choice(("", "1 x9", "1 -4"))),
        lambda: dice.choice((cmd.mplay, cmd.mstop))(),
        lambda: cmd.delete("all"),
        lambda: cmd.reinitialize() if dice.random() < 0.3 else None,
        lambda: cmd.do(f"edm_noise {source}, frames={dice.randint(1, 4)}"),
        lambda: cmd.do(f"edm_color {source}, follow={dice.randint(0, 1)}, legend={0 if renames else 1}"),
        lambda: cmd.do(f"edm_color {source}, reset=1"),
    ]


def in_panel(panel: Any, dice: random.Random, widgets: Any, renames: bool) -> Callable[[], Any] | None:
    """Press, move or type something that can be pressed, moved or typed into now."""
    kinds = (
        widgets.QAbstractButton,
        widgets.QAbstractSlider,
        widgets.QAbstractSpinBox,
        widgets.QComboBox,
        widgets.QLineEdit,
        widgets.QTabBar,
    )
    kind = dice.choice(kinds)
    usable = [w for w in panel.findChildren(kind) if w.isEnabled() and w.isVisible() and w.window() is panel.window()]
    if not usable:
        return None
    at = dice.choice(usable)
    if isinstance(at, widgets.QAbstractButton):
        spared = (getattr(at, "menu", None) and at.menu()) or any(
            word in at.accessibleName().lower() for word in (*SPARED, *(["legend"] if renames else []))
        )
        return None if spared else at.click
    if isinstance(at, widgets.QAbstractSlider):
        return lambda: at.setValue(dice.randint(at.minimum(), at.maximum()))
    if isinstance(at, widgets.QSpinBox):
        return lambda: at.setValue(dice.randint(at.minimum(), min(at.maximum(), at.minimum() + LARGEST_NUMBER)))
    if isinstance(at, widgets.QDoubleSpinBox):
        return lambda: at.setValue(dice.uniform(-1, 5))
    if isinstance(at, widgets.QComboBox):
        return lambda: at.setCurrentIndex(dice.randrange(max(1, at.count())))
    if isinstance(at, widgets.QTabBar):
        return lambda: at.setCurrentIndex(dice.randrange(at.count()))
    return lambda: at.setText(
        dice.choice(("", "name CA", "sele", "resi 2-4", "chain", "nosuch(", "white red", "1 2 3"))
    )


def shake(seconds: float, seed: int) -> tuple[int, Faults]:
    """Number of operations, and what went wrong."""
    from benchmarks.panel import Window

    window = Window()
    from pymol.Qt import QtCore, QtWidgets

    from edmnoise_pymol.panel import open_panel

    faults, dice, operations = Faults(QtCore), random.Random(seed), 0
    opened: Any = None
    renames = seed % 2 == 0
    end = time.monotonic() + seconds
    told = time.monotonic()
    while time.monotonic() < end:
        cmd = window.cmd
        if opened is None or dice.random() < 0.003:
            if opened is not None:
                opened.close()
            opened = open_panel()
            opened.panel.session.failed.connect(faults.status)
        if sum(cmd.iterate(f"%{name}", "pass") for name in molecules(cmd)) > MOST_ATOMS or len(molecules(cmd)) > 12:
            cmd.delete("all")
        act = (
            dice.choice(in_pymol(cmd, dice, renames))
            if dice.random() < 0.5
            else in_panel(opened.panel, dice, QtWidgets, renames)
        )
        if act is None:
            continue
        operations += 1
        # PyMOL refuses what cannot be; what our own slots raise never comes this way, but to the hooks.
        with contextlib.suppress(Exception):
            act()
        for shown in QtWidgets.QApplication.topLevelWidgets():
            if isinstance(shown, QtWidgets.QDialog) and shown.isVisible():
                shown.close()
        window.until(lambda: True, at_least=dice.choice((0, 0, 0.01, 0.03, 0.12)))
        if time.monotonic() - told > 30:
            told = time.monotonic()
            left = end - told
            print(f"{operations:,} operations, {sum(faults.counts.values())} faults, {left:.0f} s left", flush=True)
    opened.close()
    window.until(lambda: True, at_least=1)
    return operations, faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    faulthandler.enable()
    home = tempfile.TemporaryDirectory(prefix="edmnoise_shake_")  # no settings of the person who runs this
    os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_RUNTIME_DIR"] = home.name
    operations, faults = shake(asked.seconds, asked.seed)
    for words, count in faults.counts.most_common():
        print(f"--- {count} x {words}")
    total = sum(faults.counts.values())
    print(f"{operations:,} operations with seed {asked.seed}: {total} faults of {len(faults.counts)} kinds", flush=True)
    home.cleanup()
    os._exit(bool(total))  # PyMOL's threads end with the process


if __name__ == "__main__":
    main()
