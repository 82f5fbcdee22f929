"""What stands in for what alphafold3-pytorch imports and its sampler does not use."""

import logging
import typing

from stand_ins import replace, stand_in


class Env:
    """Of environs: nothing is set."""

    def read_env(self):
        pass

    def bool(self, name, default):
        return default


class ErrorReturnCode_1(Exception):
    pass


def which(program):
    raise ErrorReturnCode_1


def stand_in_for_others():
    unused = "app cli common configs data inputs life mocks nlm plm trainer"
    replace(*(f"alphafold3_pytorch.{name}" for name in unused.split()), IS_MOLECULE_TYPES=5)
    stand_in("beartype", **{name: getattr(typing, name) for name in typing.__all__})
    stand_in("environs", Env=Env)
    stand_in("loguru", logger=logging.getLogger())
    stand_in("sh", which=which, ErrorReturnCode_1=ErrorReturnCode_1)
    stand_in("Bio", "colt5_attention", "einx", "frame_averaging_pytorch", "huggingface_hub", "jaxtyping")
    stand_in("taylor_series_linear_attention", "torch_einops_utils")
