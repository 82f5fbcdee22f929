"""Head, back, play, on, tail: PyMOL's own frame, from 1 to the number of states of the shown object.

A clock of this strip steps the frame: PyMOL's player (mplay) runs on to the last state of the largest object that is
loaded, this one knows whose states it plays. Where a movie is defined (mset), it is played by PyMOL as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.errors import EdmNoiseError

from ...scene import ask, stage
from ...scene.source import current_state
from ...scene.titles import caption
from ..controls import form, style
from ..controls.number import Whole
from ..controls.words import Words
from ..session import Session

_FPS = 10


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
        self.fps = self.form.add("fps", Whole(1, 60, _FPS), "Speed in frames per second (PyMOL's movie_fps)")
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
        self._drawn: bool | None = None  # what the icon of play shows
        self._connect()
        self._follow()

    @property
    def frames(self) -> int:
        """How many there are to play: those of a movie, or the states of the shown object."""
        sight = self._session.sight
        return sight.movie or sight.states(self._session.shown)

    @property
    def playing(self) -> bool:
        """Whether the frame moves by itself, by this strip or by PyMOL."""
        return self._session.playing

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        return self.form.remembered()

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls as they were."""
        self.form.recall(texts)

    def go(self, frame: int) -> None:
        """Show a frame, from 1 to the last."""
        stage.go_to(self._session.cmd, max(1, min(frame, self.frames)))
        self._session.glance()
        self._follow()

    def stop(self) -> None:
        """Stay at the frame that is shown."""
        self._halt()
        if ask.playing(self._session.cmd):
            stage.stop(self._session.cmd)
        self._session.glance()

    def _halt(self) -> None:
        self._clock.stop()
        self._session.set_playing(False)

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
        session = self._session
        for signal in (session.frame_changed, session.player_changed, session.shown_changed, session.scene_changed):
            signal.connect(self._follow)
        session.runner.busy_changed.connect(lambda busy: self._halt() if busy else None)

    def _step(self, where: Any) -> None:
        self.stop()
        self.go(where(self._session.sight.frame))

    def _start(self) -> None:
        session = self._session
        session.glance()
        if session.sight.frame >= self.frames:
            self.go(1)
        stage.set_speed(session.cmd, self.fps.value())
        if session.sight.movie:
            stage.set_loop(session.cmd, self.loop.isChecked())
            stage.play(session.cmd)
            session.glance()
        else:
            self._clock.start(round(1000 / self.fps.value()))
            session.set_playing(True)

    def _tick(self) -> None:
        session = self._session
        session.glance()
        frame, frames = session.sight.frame, self.frames
        if frames < 2 or session.sight.movie or session.sight.playing:  # somebody else moves the frame now
            self._halt()
        elif frame >= frames and not self.loop.isChecked():
            self.stop()
        else:
            self.go(frame + 1 if frame < frames else 1)

    def _set_speed(self, fps: int) -> None:
        if self.playing:
            stage.set_speed(self._session.cmd, fps)
            if self._clock.isActive():
                self._clock.start(round(1000 / fps))

    def _set_loop(self, on: bool) -> None:
        if self._session.sight.playing:
            stage.set_loop(self._session.cmd, on)

    def _follow(self) -> None:
        """Show what PyMOL shows."""
        frames, playing = self.frames, self.playing
        blocked = self.slider.blockSignals(True)
        self.slider.setRange(1, max(frames, 1))
        self.slider.setValue(self._session.sight.frame)
        self.slider.blockSignals(blocked)
        for widget in (self.head, self.back, self.play, self.on, self.tail, self.slider):
            widget.setEnabled(frames > 1)
        if self._drawn != playing:
            self._drawn = playing
            self.play.setIcon(style.icon("pause" if playing else "play", self.play))
            self.play.setToolTip("Pause" if playing else "Play")
            self.play.setAccessibleName("Pause" if playing else "Play")
        self.play.setChecked(playing)
        self.label.setText(self._words(self._session.shown) if frames > 1 else "no frames to play")

    def _words(self, name: str) -> str:
        cmd, states = self._session.cmd, self._session.sight.states(name)
        try:
            state = current_state(cmd, name) if states else 0
        except EdmNoiseError as error:
            return str(error)
        return caption(ask.title(cmd, name, state)) or f"state {state} / {states}" if state else ""
