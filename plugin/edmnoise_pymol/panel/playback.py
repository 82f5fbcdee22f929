"""Head, back, play, on, tail: PyMOL's own frame, from 1 to the number of states of the shown object.

A clock of this strip steps the frame: PyMOL's player (mplay) runs on to the last state of the largest object that is
loaded, this one knows whose states it plays. Where a movie is defined (mset), it is played by PyMOL as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.errors import EdmNoiseError

from .. import bridge
from ..provenance import caption
from . import form, style
from .session import Session
from .words import Words

_FPS = 10
_LOOK_MS = 100
"""Between two looks at PyMOL's player."""


class Playback(QtWidgets.QWidget):
    """The strip below the tabs."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.form = form.Form(self)
        self.head, self.back, self.play, self.on, self.tail = (
            self._button(name, tip)
            for name, tip in (
                ("head", "First frame"),
                ("back", "One frame back"),
                ("play", "Play"),
                ("on", "One frame on"),
                ("tail", "Last frame"),
            )
        )
        self.play.setCheckable(True)
        self.loop = self.form.add("loop", self._button("loop", ""), "Begin again at the end", default="1")
        self.loop.setCheckable(True)
        self.loop.setChecked(True)
        self.slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.slider.setToolTip("The state that PyMOL shows")
        self.slider.setAccessibleName("frame")
        self.slider.setMinimumWidth(60)
        self.fps = self.form.add("fps", form.whole(1, 60, _FPS), "Speed in frames per second (PyMOL's movie_fps)")
        self.fps.setSuffix(" fps")
        self.label = Words()
        self.label.setObjectName("frame label")

        rows = QtWidgets.QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(2)
        first, second = QtWidgets.QHBoxLayout(), QtWidgets.QHBoxLayout()
        first.setSpacing(2)
        for button in (self.head, self.back, self.play, self.on, self.tail):
            first.addWidget(button)
        first.addWidget(self.slider, 1)
        first.addWidget(self.loop)
        second.addWidget(self.label, 1)
        second.addWidget(self.fps)
        rows.addLayout(first)
        rows.addLayout(second)

        self._clock = QtCore.QTimer(self)
        self._clock.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._tick)
        self._seen: Any = None
        self._drawn: bool | None = None  # what the icon of play shows
        self._watch = QtCore.QTimer(self)
        self._watch.timeout.connect(self._look)
        self._connect()
        self._follow()
        self._watch.start(_LOOK_MS)

    @property
    def frames(self) -> int:
        """How many there are to play: those of a movie, or the states of the shown object."""
        cmd, name = self._session.cmd, self._session.shown
        if self._movie:
            return int(cmd.count_frames())
        return int(cmd.count_states(f"%{name}")) if name in cmd.get_names("objects") else 0

    @property
    def playing(self) -> bool:
        """Whether the frame moves by itself, by this strip or by PyMOL."""
        return bool(self._clock.isActive() or self._session.cmd.get_movie_playing())

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        return self.form.remembered()

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls as they were."""
        self.form.recall(texts)

    def go(self, frame: int) -> None:
        """Show a frame, from 1 to the last."""
        self._session.cmd.frame(max(1, min(frame, self.frames)))
        self._follow()

    def stop(self) -> None:
        """Stay at the frame that is shown."""
        self._clock.stop()
        if self._session.cmd.get_movie_playing():
            self._session.cmd.mstop()
        self._follow()

    @property
    def _movie(self) -> bool:
        """Whether the user has defined one."""
        return bool(self._session.cmd.get_movie_length() > 0)

    def _button(self, name: str, tip: str) -> Any:
        button = QtWidgets.QToolButton()
        button.setIcon(style.icon(name, button))
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        return button

    def _connect(self) -> None:
        for button, where in (
            (self.head, lambda _: 1),
            (self.back, lambda frame: frame - 1),
            (self.on, lambda frame: frame + 1),
            (self.tail, lambda _: self.frames),
        ):
            button.clicked.connect(lambda _=False, where=where: self._step(where))
        self.play.clicked.connect(lambda _=False: self.stop() if self.playing else self._start())
        self.slider.valueChanged.connect(self.go)
        self.fps.valueChanged.connect(self._set_speed)
        self.loop.toggled.connect(self._set_loop)
        for signal in (self._session.frame_changed, self._session.shown_changed, self._session.scene_changed):
            signal.connect(self._follow)
        self._session.runner.busy_changed.connect(lambda busy: busy and self._clock.stop())

    def _step(self, where: Any) -> None:
        self.stop()
        self.go(where(self._session.cmd.get_frame()))

    def _start(self) -> None:
        cmd = self._session.cmd
        if cmd.get_frame() >= self.frames:
            self.go(1)
        cmd.set("movie_fps", self.fps.value())
        if self._movie:
            cmd.set("movie_loop", int(self.loop.isChecked()))
            cmd.mplay()
        else:
            self._clock.start(round(1000 / self.fps.value()))
        self._follow()

    def _tick(self) -> None:
        cmd, frames = self._session.cmd, self.frames
        if frames < 2 or self._movie or cmd.get_movie_playing():  # somebody else moves the frame now
            self._clock.stop()
            self._follow()
            return
        frame = cmd.get_frame()
        if frame >= frames and not self.loop.isChecked():
            self.stop()
        else:
            self.go(frame + 1 if frame < frames else 1)

    def _set_speed(self, fps: int) -> None:
        if self.playing:
            self._session.cmd.set("movie_fps", fps)
            if self._clock.isActive():
                self._clock.start(round(1000 / fps))

    def _set_loop(self, on: bool) -> None:
        if self._session.cmd.get_movie_playing():
            self._session.cmd.set("movie_loop", int(on))

    def _look(self) -> None:
        """A movie that is defined, and a player that is started, change no frame that the session could tell of."""
        seen = (self._movie, self.frames, self.playing)
        if seen != self._seen:
            self._seen = seen
            self._follow()

    def _follow(self) -> None:
        """Show what PyMOL shows."""
        if self._session.notice_frame():  # which has called this meanwhile
            return
        cmd, name, frames = self._session.cmd, self._session.shown, self.frames
        frame, playing = int(cmd.get_frame()), self.playing
        blocked = self.slider.blockSignals(True)
        self.slider.setRange(1, max(frames, 1))
        self.slider.setValue(frame)
        self.slider.blockSignals(blocked)
        for widget in (self.head, self.back, self.play, self.on, self.tail, self.slider):
            widget.setEnabled(frames > 1)
        if self._drawn != playing:
            self._drawn = playing
            self.play.setIcon(style.icon("pause" if playing else "play", self.play))
            self.play.setToolTip("Pause" if playing else "Play")
            self.play.setAccessibleName("Pause" if playing else "Play")
        self.play.setChecked(playing)
        self.label.setText(self._words(name) if frames > 1 else "no frames to play")

    def _words(self, name: str) -> str:
        cmd = self._session.cmd
        if name not in cmd.get_names("objects"):
            return ""
        try:
            state = bridge.current_state(cmd, name)
        except EdmNoiseError as error:
            return str(error)
        words = caption(bridge.title(cmd, name, state))
        return words or f"state {state} / {cmd.count_states(f'%{name}')}"
