"""Run inside PyMOL's window: use it as a user would, note what is seen, quit. Each `yield` waits until that is so."""

import json
import os
import sys
import traceback

from pmg_qt import pymol_qt_gui
from pymol import cmd
from pymol.Qt import QtCore

import edmnoise_pymol
from edmnoise_pymol.scene import follow, lookout

report = {"errors": []}


def colours(name):
    found = []
    cmd.iterate(f"%{name}", "found.append(color)", space={"found": found})
    return found


def menu_entry(*path):
    menu = pymol_qt_gui.window.menuBar()
    for text in path[:-1]:
        (menu,) = (action.menu() for action in menu.actions() if action.text() == text)
    (entry,) = (action for action in menu.actions() if action.text() == path[-1])
    return entry


def painted(name):
    """Paint an object green, to be asked whether it still is."""
    cmd.color("green", name)
    green = colours(name)
    return lambda: colours(name) != green


def follows_the_state():
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    edmnoise_pymol.edm_noise("pept", frames=3, seed=5, name="made")
    recoloured = painted("made")
    cmd._parser.parse("edm_color made, level=residue, palette=white_red, follow=1")
    assert recoloured()
    report["range"] = [str(edmnoise_pymol.edm_color("made", palette="white_red", follow=1))]
    report["states"] = {}
    for state in (3, 2, 4, 1):
        recoloured = painted("made")
        cmd.frame(state)
        yield recoloured
        report["states"][state] = colours("made")


def waits_while_all_states_are_shown():
    looks = []
    lookout.of(cmd).listen(lambda: looks.append(cmd.get_setting_int("all_states")))
    recoloured = painted("made")
    cmd.set("all_states", 1)
    cmd.frame(2)
    yield lambda: sum(looks) > 1
    report["recoloured while all states were shown"] = recoloured()
    cmd.set("all_states", 0)
    yield recoloured
    report["after all states"] = colours("made")


def ends_with_another_call():
    edmnoise_pymol.edm_color("made", palette="white_red")
    report["ended by another call"] = list(follow._followers)
    yield lambda: True


def ends_with_the_object():
    edmnoise_pymol.edm_color("made", follow=1)
    cmd.delete("made")
    yield lambda: "made" not in follow._followers
    edmnoise_pymol.edm_noise("pept", frames=2, name="made")
    edmnoise_pymol.edm_color("made", follow=1)
    cmd.set_name("made", "renamed")
    yield lambda: "made" not in follow._followers
    edmnoise_pymol.edm_noise("pept", frames=2, name="again")
    edmnoise_pymol.edm_color("again", follow=1)
    cmd.delete("again")
    edmnoise_pymol.edm_noise("pept", frames=2, name="again")
    report["followed after it was made anew"] = list(follow._followers)


def ends_when_the_atoms_have_changed():
    edmnoise_pymol.edm_noise("pept", frames=2, name="cut")
    edmnoise_pymol.edm_color("cut", follow=1)
    cmd.remove("cut and resi 1")
    cmd.frame(2 if cmd.get_state() != 2 else 3)
    yield lambda: "cut" not in follow._followers


def shows_itself_in_the_menu():
    edmnoise_pymol.start_gui()
    menu_entry("Plugin", "EDM noise", "Try it on 1TII").trigger()
    yield lambda: "edm_1tii_noise" in cmd.get_names()
    report["tried"] = [cmd.count_atoms("edm_1tii_noise"), cmd.count_states("edm_1tii_noise")]
    menu_entry("Plugin", "EDM noise", "Commands").trigger()
    yield lambda: "edm_save  " in pymol_qt_gui.window.browser.toPlainText()
    report["text window"] = pymol_qt_gui.window.browser.toPlainText()


def everything():
    yield from follows_the_state()
    yield from waits_while_all_states_are_shown()
    yield from ends_with_another_call()
    yield from ends_with_the_object()
    yield from ends_when_the_atoms_have_changed()
    yield from shows_itself_in_the_menu()


def leave():
    with open(os.environ["REPORT"], "w") as file:
        json.dump(report, file)
    cmd.quit(0)


def look():
    """Go on where what was waited for has come."""
    global wanted
    try:
        while wanted():
            wanted = next(steps)
    except StopIteration:
        leave()
    except BaseException:
        report["errors"].append(traceback.format_exc())
        leave()


def too_late():
    report["errors"].append(f"still waiting in {steps.gi_yieldfrom}")
    leave()


sys.excepthook = lambda kind, error, where: report["errors"].append("".join(traceback.format_exception(error)))
steps, wanted = everything(), lambda: True
timer = QtCore.QTimer()
timer.timeout.connect(look)
timer.start(10)
QtCore.QTimer.singleShot(120_000, too_late)
