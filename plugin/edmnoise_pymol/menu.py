"""The entries in PyMOL's Plugin menu."""

from __future__ import annotations

MENU = "EDM noise"


def add_menu() -> None:
    """Add the submenu; PyMOL's window has just been made."""
    from pymol.plugins import addmenuitemqt

    addmenuitemqt(f"{MENU}|Panel", open_panel)
    addmenuitemqt(f"{MENU}|Try it on 1TII", try_it)
    addmenuitemqt(f"{MENU}|Commands", print_commands)


def open_panel() -> None:
    """Open the panel, docked in PyMOL's window."""
    from . import panel

    panel.open_panel()


def try_it() -> None:
    """Load PyMOL's own 1TII, noise its fragment chain A 4-35, print what was done, and show it moving."""
    from pymol import cmd

    name = cmd.get_unused_name("edm_1tii", 0)
    line = f"edm_noise {name} and chain A and resi 4-35, weights=current, frames=20, play=1"
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", name)
    print(f"PyMOL> {line}")
    cmd.do(line, log=0)


def print_commands() -> None:
    """List the commands in PyMOL's text window, as ``help edm`` does."""
    from . import COMMANDS
    from .commands.overview import overview

    print(overview(COMMANDS))
