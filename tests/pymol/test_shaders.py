"""Shaders are off while something is drawn anew all the time, and as the user had them afterwards."""

import pytest

from edmnoise_pymol.scene import shaders


def settings(cmd):
    return {name: cmd.get_setting_int(name) for name in shaders.SETTINGS}


@pytest.fixture
def before(cmd):
    """One of them is off already."""
    cmd.set("mesh_use_shader", 0)
    return settings(cmd)


def test_off_for_as_long_as_anybody_wants(cmd, before):
    first, second = shaders.spare(cmd), shaders.spare(cmd)
    assert set(settings(cmd).values()) == {0}
    first()
    first()
    assert set(settings(cmd).values()) == {0}
    second()
    assert settings(cmd) == before
    assert before["cartoon_use_shader"] == 1


def test_what_the_user_sets_meanwhile_stays(cmd, before):
    release = shaders.spare(cmd)
    cmd.set("stick_use_shader", 1)
    cmd.set("mesh_use_shader", 1)
    release()
    assert settings(cmd) == {**before, "mesh_use_shader": 1}


def test_everything_forgotten_meanwhile_is_at_its_default(cmd, before):
    release = shaders.spare(cmd)
    cmd.reinitialize()
    defaults = settings(cmd)
    again = shaders.spare(cmd)
    assert set(settings(cmd).values()) == {0}
    again()
    release()
    assert settings(cmd) == defaults


def test_a_session_that_is_saved_meanwhile_holds_the_users_settings(cmd, before, tmp_path):
    tasks = list(cmd._pymol._session_save_tasks)
    cmd.fragment("ala")
    release = shaders.spare(cmd)
    for name in ("one.pse", "two.pse.gz"):
        cmd.save(str(tmp_path / name))
    release()
    assert cmd._pymol._session_save_tasks == tasks
    for name in ("one.pse", "two.pse.gz"):
        cmd.reinitialize()
        cmd.load(str(tmp_path / name))
        assert settings(cmd) == before
