"""How a network is trained: budget, batch, data, checkpoint. What is left out is what a resumed training has."""

from __future__ import annotations

from ..diffusion.names import LOSSES
from .atoms import SELECTION
from .knob import real, text, whole, word
from .noise import DISTRIBUTION, FOUR_WEIGHTS, PROCESS, SEED, WEIGHTS
from .sampling import DEVICE, FLUCTUATIONS, RULE
from .traces import SAMPLES

_RESUMED = ", or the resumed one's"

DATA = SELECTION.but(
    help="atoms of one object, whose states are the data, or of several objects, the shown state of each; one state "
    "needs fluctuations"
)
TRAINED_WEIGHTS = WEIGHTS.but(
    default=None,
    usual=WEIGHTS.default + _RESUMED,
    help=WEIGHTS.help.replace("the variance", "the noise").replace(FOUR_WEIGHTS, ""),
)
TRAINED_PROCESS = PROCESS.but(default=None, usual=PROCESS.default + _RESUMED)
TRAINED_RULE = RULE.but(
    default=None,
    usual=RULE.default + _RESUMED,
    help=f"which noise the network is preconditioned by: {RULE.help}; one that gives a part c_out = 0 cannot be "
    "trained with",
)
LOSS = word(
    "loss",
    LOSSES,
    None,
    "what square errors are divided by: parts (c_out^2 of each part, by the rule), whole (EDM's c_out^2, one for all "
    "parts, whatever the rule)",
    usual="parts" + _RESUMED,
)
TRAINED_DISTRIBUTION = DISTRIBUTION.but(
    default=None,
    usual=DISTRIBUTION.default + _RESUMED,
    help=DISTRIBUTION.help.replace("that z belongs to", "of noise levels"),
    tip="Which noise levels the training draws",
)
STEPS = whole("steps", None, "training steps", low=1, usual="3500, or as many as the minutes allow")
MINUTES = real("minutes", None, "how long to train, instead of steps", low=0)
BATCH = whole("batch", None, "structures in a step, each at a level of its own", low=1, usual="16" + _RESUMED)
TRAINED_SEED = SEED.but(
    default=None,
    usual=f"{SEED.default}{_RESUMED}",
    help="of the weights that the network begins with, and of all that is drawn",
)
HELD_OUT = SAMPLES.but(
    name="held_out",
    usual="none",
    help="numbers of the states, from 1, that are not trained on; the error at them is printed, too",
)
TRAINED_FLUCTUATIONS = FLUCTUATIONS.but(help=f"{FLUCTUATIONS.help}; drawn afresh in each step")
CHECKPOINT = text(
    "file",
    None,
    "checkpoint, a .safetensors name: written at the start, every 30 s, when the training is ended, and at its end; "
    "nothing that is there is written over",
    usual="<object>.safetensors, or that of resume",
)
RESUME = text(
    "resume",
    None,
    "a checkpoint to go on from, as if the training had not been interrupted; the data are to be given as before",
    usual="none",
)
TRAINING_DEVICE = DEVICE.but(help="where to train: auto (a GPU if there is one), cpu or cuda")
