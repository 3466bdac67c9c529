"""What a cluster may be asked to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.cluster.options import NO_LIMIT_MB, ClusterOptions
from auricle.errors import BadSetting
from auricle.settings.config import Settings

BASE = Settings(model="base")


def test_what_is_written_down():
    given = {
        "engines": "2:8",
        "more_models": "small,Systran/faster-whisper-tiny,base",
        "wait_s": "2.5",
        "cpus": 4,
        "gpus": "0.5",
        "gateways": None,
    }
    options = ClusterOptions.read(BASE, given)
    assert options == ClusterOptions(
        BASE, ("small", "Systran/faster-whisper-tiny", "base"), 2, 8, 2.5, 4.0, 0.5
    )
    assert options.models == ("base", "small", "tiny")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"engines": "4"}, r"engines is '4'; give MIN:MAX, such as 1:4"),
        ({"engines": "3:2"}, r"engines is '3:2'; give MIN:MAX"),
        ({"engines": "0:2"}, r"engines is '0:2'; give MIN:MAX"),
        ({"wait_s": "soon"}, r"wait_s is 'soon'; give seconds above 0"),
        ({"wait_s": "0"}, r"wait_s is 0; give seconds above 0"),
        ({"cpus": "-1"}, r"cpus is -1; give cores"),
        ({"gateways": "0"}, r"gateways is 0; give a number, at least 1"),
        ({"more_models": "nobody/knows"}, r"nothing is known of `nobody/knows`"),
    ],
)
def test_what_is_not_allowed(given: dict[str, object], told: str):
    with pytest.raises(BadSetting, match=told):
        ClusterOptions.read(BASE, given)


@pytest.mark.parametrize(
    "settings",
    [Settings(model_path=Path("/here")), Settings(tls_cert=Path("a"), tls_key=Path("b"))],
)
def test_what_only_one_machine_has(settings: Settings):
    with pytest.raises(BadSetting):
        ClusterOptions(settings)


def test_auto_is_what_engines_run_best():
    assert ClusterOptions(Settings()).models == ("base",)
    assert ClusterOptions(Settings(), gpus=1.0).models == ("large-v3-turbo",)


def test_gateways_have_no_engines_of_their_own():
    one = ClusterOptions(Settings(max_jobs=7, devices=("cuda:0",)), ("small",)).of_gateways()
    assert (one.model, one.device, one.devices, one.memory_mb) == ("base", "cpu", (), NO_LIMIT_MB)
    assert (one.load_on_request, one.max_jobs) == (False, 7)
    assert ClusterOptions(Settings(max_jobs=7), gateways=2).of_gateways().max_jobs == 0


def test_engines_compute_with_what_is_reserved_for_them():
    assert ClusterOptions(Settings(), cpus=4.0).of_engines().threads == 4
    assert ClusterOptions(Settings(), cpus=0.5).of_engines().threads == 1
    assert ClusterOptions(Settings(threads=3), cpus=4.0).of_engines().threads == 3
