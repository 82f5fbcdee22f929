"""Frames that do not fit are refused before anything is made, with the number that would fit."""

import psutil
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.memory import HEADROOM, available_bytes, check_frames_fit

GIB = 2**30


def test_the_sentence_says_what_is_needed_free_and_possible():
    with pytest.raises(EdmNoiseError) as error:
        check_frames_fit(2000, GIB // 2, available=100 * GIB)
    assert str(error.value) == "2,000 frames need 1,000.0 GiB and 100.0 GiB are free: at most 160 frames fit"


@pytest.mark.parametrize("per_frame", [1, 12, 65_628, 12_000_000])
def test_the_number_in_the_sentence_is_the_largest_that_fits(per_frame):
    free = 1_000_000_007
    fit = int(free * HEADROOM) // per_frame
    check_frames_fit(fit, per_frame, available=free)
    assert fit * per_frame <= free * HEADROOM
    assert (fit + 1) * per_frame > free * HEADROOM - 1
    with pytest.raises(EdmNoiseError, match=f"at most {fit:,} frames fit"):
        check_frames_fit(fit + 1, per_frame, available=free)


def test_nothing_fits_in_no_memory():
    with pytest.raises(EdmNoiseError, match="at most 0 frames fit"):
        check_frames_fit(1, 12, available=0)


def test_free_memory_is_measured_when_not_given():
    total = psutil.virtual_memory().total
    assert 0 < available_bytes() <= total
    check_frames_fit(1, 1)
    with pytest.raises(EdmNoiseError, match="frames fit"):
        check_frames_fit(2, total)
