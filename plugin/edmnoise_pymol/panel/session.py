"""What the widgets of a panel share: PyMOL and what happens in it, the running job, results, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.process import NoiseChoice, named_process
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.noise.weights import parse_weights
from edmnoise.settings import atoms
from edmnoise.settings.knob import typed
from edmnoise.structure.hierarchy import DOMAIN
from edmnoise.structure.structure import describe

from ..commands.request import Request
from ..job import Job, MakesObjects
from ..scene import ask, lookout, looks, stage
from ..scene.ask import Cmd
from ..scene.domains import times_marked
from ..scene.selected import Selected
from ..scene.source import objects_of, reading
from .runner import Runner
from .settings import Settings

if TYPE_CHECKING:
    from ..jobs.live import Live


@dataclass(frozen=True)
class Input:
    """The atoms that noise and sampling are asked for, and how many there are."""

    selection: str
    state: int
    hydrogens: bool
    solvent: bool
    object: str
    census: str
    domains: int = 0
    """0 without domains; with them another number each time that any were set."""

    @property
    def which(self) -> Selected:
        """The atoms, as jobs take them."""
        return Selected(self.selection, self.state, self.hydrogens, self.solvent)

    @property
    def options(self) -> dict[str, str]:
        """As arguments of a command, its defaults left out."""
        given = ((atoms.STATE, self.state), (atoms.HYDROGENS, self.hydrogens), (atoms.SOLVENT, self.solvent))
        return {knob.name: typed(value) for knob, value in given if value != knob.default}


@dataclass(frozen=True)
class Noise:
    """What the Noise tab is set to: level in angstrom, its distribution, weights, process and the atoms that move, as
    commands take them."""

    sigma: float
    distribution: SigmaDistribution
    weights: str
    process: str
    move: str

    @property
    def drawn(self) -> tuple[object, ...]:
        """What makes another draw: the level too, where noise is forward only and does not scale."""
        named = named_process(self.process)
        forward = named is not None and named.forward_only
        return (self.weights, self.process, self.sigma) if forward else (self.weights, self.process)

    @property
    def weighted(self) -> bool:
        """Whether the process has weights; `weights` are flat where it has none."""
        named = named_process(self.process)
        return named is None or named.weighted

    @property
    def choice(self) -> NoiseChoice:
        """The process and its weights; EdmNoiseError where all of these are 0."""
        return NoiseChoice.parse(self.process, parse_weights(self.weights))


@dataclass(frozen=True)
class _Undo:
    """What was made or coloured, the names of its objects by now, and what takes it back."""

    words: str
    names: list[str]
    act: Callable[[], None]


class Session(QtCore.QObject):
    """One panel's business with PyMOL. Widgets listen to its signals and ask it to act; they do not know each other.

    Signals
    -------
    gone(name, new)
        A molecule is not there any more, or has a new name ("" for none); comes before scene_changed.
    live_changed()
        `live` has begun or ended.
    live_moved()
        It shows another level, other weights.
    scene_changed()
        Objects or selections came, went, were renamed, got other atoms or other domains.
    frame_changed()
        PyMOL shows another state.
    player_changed()
        A movie was defined or is no more, PyMOL's player or the panel's own was started or has ended.
    looked()
        PyMOL has been looked at, whatever has changed.
    picked()
        The selection that the user makes with the mouse has changed.
    input_changed()
        `input` is another one, or none.
    shown_changed()
        `shown` is another object, or has been made anew.
    noise_changed()
        `noise` is another one: what Apply would make.
    z_wanted(z)
        A level was chosen in a plot.
    sigma_wanted(sigma)
        A level was designed, angstrom.
    weights_wanted(text)
        Weights were chosen or designed, as a command takes them.
    network_wanted(texts)
        A network is to be sampled with: what the fields of the Sampling tab are to hold, by name.
    made(request, result)
        A job has ended well.
    failed(sentence, details)
        Something was refused or went wrong; no details for what the user can mend.
    said(words)
        News for the status line.
    offered(words, name, act)
        News for the status line, and a button that does something about it.
    undo_changed(words)
        What `undo` would take back, "" for nothing.
    """

    gone = QtCore.Signal(str, str)
    live_changed = QtCore.Signal()
    live_moved = QtCore.Signal()
    scene_changed = QtCore.Signal()
    frame_changed = QtCore.Signal()
    player_changed = QtCore.Signal()
    looked = QtCore.Signal()
    picked = QtCore.Signal()
    input_changed = QtCore.Signal()
    shown_changed = QtCore.Signal()
    noise_changed = QtCore.Signal()
    z_wanted = QtCore.Signal(float)
    sigma_wanted = QtCore.Signal(float)
    weights_wanted = QtCore.Signal(str)
    network_wanted = QtCore.Signal(object)
    made = QtCore.Signal(object, object)
    failed = QtCore.Signal(str, str)
    said = QtCore.Signal(str)
    offered = QtCore.Signal(str, str, object)
    undo_changed = QtCore.Signal(str)

    def __init__(self, cmd: Cmd, parent: Any = None) -> None:
        super().__init__(parent)
        self.cmd = cmd
        self.runner = Runner(self, asks=True)
        self._reader = Runner(self)
        self._wanted: dict[str, tuple[Callable[[], Any], Callable[[Any], None], bool]] = {}
        self.settings = Settings()
        self.input: Input | None = None
        self.why_no_input = "no structure is loaded"
        self.shown = ""
        self.live: Live | None = None
        self.noise: Noise | None = None
        self.results: dict[str, Any] = {}
        self._undo: list[_Undo] = []
        self._playing = False
        self._seen: lookout.Sight | None = None
        self._lookout = lookout.of(cmd)
        self.runner.failed.connect(self._stopped)
        self._reader.busy_changed.connect(self._read_soon)
        self._reader.failed.connect(self._reading_stopped)
        self._lookout.listen(self._look_on)

    # Acting

    def run(self, request: Request, undo: str = "", then: Callable[[Any], None] | None = None) -> bool:
        """Run a command's job in the background; False while another one runs.

        Parameters
        ----------
        request
            The command. Its line appears in PyMOL's text window, as if it had been typed.
        undo
            What `undo` is to call it; the objects that the result names are removed then, its colours restored.
        then
            Gets the result, before ``made`` tells everybody.
        """
        kept, shown, frame = self._looks(request), ask.shown_objects(self.cmd), ask.frame(self.cmd)[0]

        def done(result: Any) -> None:
            for name in _objects_of(result):
                self.results[name] = result
            if undo:
                self._remember(undo, result, kept, shown, frame)
            self.look()
            if then is not None:
                then(result)
            self.look()
            self.made.emit(request, result)

        if not self.start(lambda: request.job(self.cmd), done):
            return False
        print(f"PyMOL>{request}")
        return True

    def start(self, make: Callable[[], Any], done: Callable[[Any], None]) -> bool:
        """Run any job in the background; False while another one runs."""
        return bool(self.runner.start(make, done))

    def compute(self, key: str, make: Callable[[], Any], done: Callable[[Any], None], torch: bool = True) -> None:
        """Run a job that only reads, for a display, beside whatever else runs.

        Of the jobs with one key that are still waiting only the last one is run: what a plot shows follows a slider
        without falling behind. One that is refused leaves the display as it is. ``torch`` is False where it needs none.
        """
        self._wanted[key] = (make, done, torch)
        self._read_next()

    def _read_next(self) -> None:
        if not self._wanted or self._reader.busy:
            return
        key = next(iter(self._wanted))
        self._reader.start(*self._wanted.pop(key))

    def _read_soon(self, busy: bool) -> None:
        if not busy:  # its last result is still to be delivered
            QtCore.QTimer.singleShot(0, self._read_next)

    def show(self, name: str) -> None:
        """Let plots, colours, playback and results be about another object."""
        if name != self.shown or name in self.results:
            self.shown = name
            self.shown_changed.emit()

    def undo(self) -> None:
        """Take the last thing back that the panel made or coloured."""
        if self._undo:
            last = self._undo.pop()
            last.act()
            self.said.emit(f"taken back: {last.words}")
            self._tell_undo()
            self.look()

    def copy(self, request: Request | None, note: str = "") -> None:
        """Put a command's line where it can be pasted from; a note is told, and not copied."""
        if request is not None:
            QtWidgets.QApplication.clipboard().setText(str(request))
            self.said.emit(f"copied: {request}{note}")

    def set_input(self, found: Input | None, why: str = "") -> None:
        """Called by the pickers."""
        if (found, why) != (self.input, self.why_no_input):
            self.input, self.why_no_input = found, why
            self.input_changed.emit()

    def set_live(self, live: Live | None) -> None:
        """Called by who begins and ends it."""
        if live is not self.live:
            self.live = live
            self.live_changed.emit()

    def set_noise(self, noise: Noise) -> None:
        """Called by the Noise tab."""
        if noise != self.noise:
            self.noise = noise
            self.noise_changed.emit()

    @property
    def sight(self) -> lookout.Sight:
        """What was there at the last look."""
        return self._lookout.sight

    @property
    def playing(self) -> bool:
        """Whether the frame moves by itself, by PyMOL's player or by the panel's."""
        return self._playing or self.sight.playing

    def set_playing(self, playing: bool) -> None:
        """Called by the panel's player."""
        if playing != self._playing:
            self._playing = playing
            self.player_changed.emit()

    def close(self) -> None:
        """End what runs, let go of everything."""
        self._lookout.ignore(self._look_on)
        self._wanted.clear()
        self.runner.close()
        self._reader.close()
        self.results.clear()
        self._undo.clear()

    # Looking

    def look(self) -> None:
        """See now what has changed in PyMOL, and tell."""
        self._lookout.look()

    def glance(self) -> None:
        """See now what is seen without counting atoms: after the frame was moved."""
        self._lookout.glance()

    def _look_on(self) -> None:
        before, now = self._seen, self.sight
        self._seen = now
        for name, new in (now.renamed_since(before) if before else {}).items():
            self._follow_name(name, new)
        for facts, tell in (
            (("objects", "selections", "molecules", "domains"), self._scene_changed),
            (("frame", "state"), self.frame_changed.emit),
            (("movie", "playing"), self.player_changed.emit),
            (("picked",), self.picked.emit),
        ):
            if before is None or any(getattr(before, fact) != getattr(now, fact) for fact in facts):
                tell()
        self.looked.emit()

    def _follow_name(self, name: str, new: str) -> None:
        if new:
            if name in self.results:
                self.results[new] = self.results.pop(name)
            for undo in self._undo:
                undo.names[:] = [new if made == name else made for made in undo.names]
            if self.shown == name:
                self.shown = new
                self.shown_changed.emit()
        self.gone.emit(name, new)

    def _scene_changed(self) -> None:
        for name in [name for name in self.results if name not in self.sight.objects]:
            del self.results[name]
        self.scene_changed.emit()
        frames = self.sight.frame_objects
        if self.shown not in frames:
            self.shown = frames[-1] if frames else ""
            self.shown_changed.emit()

    # The way back

    def _looks(self, request: Request) -> looks.Looks | None:
        if request.command != "edm_color" or not ask.is_there(self.cmd, request.subject):
            return None
        return looks.keep(self.cmd, request.subject)

    def _remember(self, words: str, result: Any, kept: looks.Looks | None, shown: list[str], frame: int) -> None:
        names = list(_objects_of(result))

        def act() -> None:
            if kept is not None:
                looks.restore(self.cmd, kept)
            stage.remove(self.cmd, names)
            stage.show(self.cmd, shown)
            if names:  # which were gone to when they were made
                stage.go_to(self.cmd, frame)

        self._undo.append(_Undo(words, names, act))
        self._tell_undo()

    def _tell_undo(self) -> None:
        self.undo_changed.emit(self._undo[-1].words if self._undo else "")

    def _reading_stopped(self, sentence: str, details: str) -> None:
        """A display that was refused stays as it is; a mistake of ours is told."""
        if details:
            self.failed.emit(sentence, details)

    def _stopped(self, sentence: str, details: str) -> None:
        if sentence:
            self.failed.emit(sentence, details)
        else:
            self.said.emit("cancelled: nothing was made")


def _objects_of(result: Any) -> tuple[str, ...]:
    """Names of the objects that a result made."""
    return result.names if isinstance(result, MakesObjects) else ()


def read_input(cmd: Cmd, selection: str, state: int, hydrogens: bool, solvent: bool) -> Job[Input]:
    """Count the atoms of a selection as a command would take them; EdmNoiseError where it would refuse them."""
    state = _beyond(cmd, selection) if state == -1 else state
    source = yield from reading(cmd, Selected(selection, state, hydrogens, solvent))
    hierarchy = source.structure.hierarchy
    domains = times_marked(cmd) + 1 if DOMAIN in hierarchy.names else 0
    return Input(selection, state, hydrogens, solvent, source.object, describe(hierarchy), domains)


def _beyond(cmd: Cmd, selection: str) -> int:
    """Where PyMOL shows a later state than the object has, as after a run with more of them: its last; -1 else."""
    try:
        names = objects_of(cmd, selection)
    except EdmNoiseError:  # a selection that PyMOL cannot read: `reading` says why
        return -1
    states = ask.states(cmd, names[0])
    return states if len(names) == 1 and 1 < states < ask.state(cmd, names[0]) else -1
