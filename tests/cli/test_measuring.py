"""The commands of auricle-bench, where it is installed and where it is not."""

from __future__ import annotations

import pytest

from auricle.cli import measuring
from auricle.errors import AuricleError
from auricle_bench.commands.bench import bench


def test_what_is_installed_is_the_command():
    assert measuring.command("bench", "Measure.") is bench


@pytest.mark.parametrize("arguments", [[], ["--url", "http://a", "data"], ["data", "--worst=3"]])
def test_what_is_not_installed_says_what_to_install(arguments):
    absent = measuring.command("evaluate", "Measure.", package="not_installed_anywhere")
    with pytest.raises(AuricleError) as caught:
        absent.main(arguments, standalone_mode=False)
    assert caught.value.message == (
        "auricle evaluate is not installed here: pip install 'auricle[bench]', or in a checkout: "
        "pip install ./bench"
    )


def test_the_help_of_what_is_not_installed_says_so_too(capsys):
    absent = measuring.command("evaluate", "Measure.", package="not_installed_anywhere")
    absent.main(["--help"], standalone_mode=False)
    assert "Not installed here: pip install 'auricle[bench]'" in capsys.readouterr().out


def test_a_broken_installation_is_no_missing_one():
    with pytest.raises(ModuleNotFoundError, match=r"auricle_bench\.commands\.none"):
        measuring.command("none", "Measure.")
