"""``auricle ray`` says what it lacks, and what it cannot be asked."""

from __future__ import annotations

import sys

import pytest

from auricle.cli.main import run


def test_where_ray_is_not_installed_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run(["ray", "tiny.en"]) == 1
    assert "pip install 'auricle[ray]'" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--engines", "9"], "engines is '9'; give MIN:MAX, such as 1:4"),
        (["--model-path", "/here"], "each machine of a cluster fetches models itself"),
        (["nobody/knows"], "nothing is known of `nobody/knows`"),
    ],
)
def test_what_a_cluster_cannot_be_asked(
    arguments: list[str], told: str, capfd: pytest.CaptureFixture[str]
):
    assert run(["ray", *arguments]) == 2
    assert told in capfd.readouterr().err
