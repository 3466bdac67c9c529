"""Keys on the command line: made, shown once, listed, revoked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auricle.cli.main import run


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keyring.json"
    monkeypatch.setenv("AURICLE_KEYRING", str(path))
    return path


def test_a_key_is_made_listed_and_revoked(path: Path, capsys):
    limits = ["--models", "base, small", "--max-requests", "2", "--expires", "90d"]
    assert run(["keys", "add", "ann", *limits]) == 0
    assert run(["keys", "add", "bob"]) == 0
    first, second = capsys.readouterr().out.split()
    assert re.fullmatch(r"sk-auricle-[\w-]{43}", first)
    assert first != second
    assert run(["keys", "list"]) == 0
    header, ann, bob = capsys.readouterr().out.splitlines()
    assert header.split() == ["ID", "NAME", "MADE", "EXPIRES", "MODELS", "REQUESTS", "BACKLOG"]
    assert re.fullmatch(r"\w{8}  ann +[\d-]{10}  [\d-]{10} [\d:]{5}  base, small +2 +any", ann)
    assert re.fullmatch(r"\w{8}  bob +[\d-]{10}  never +all +any +any", bob)
    assert run(["keys", "revoke", "ann"]) == 0
    assert re.fullmatch(r"revoked \w{8}, the key of ann\n", capsys.readouterr().out)
    assert run(["keys", "revoke", bob[:8]]) == 0
    capsys.readouterr()
    assert run(["keys", "list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "ann", "--expires", "soon"], "'soon' is neither a day such as 2027-01-31 nor"),
        (["add", "ann", "--expires", "2020-01-01"], "'2020-01-01' has passed already"),
        (["add", "ann", "--max-requests", "0"], "0 is not in the range"),
        (["add", "ann", "--max-backlog-s", "nan"], "nan is not in the range 1<=x<=604800"),
        (["add", "ann", "--models", ", "], "', ' names no model; leave it out for all"),
        (["add", "\n"], "a name has letters that can be shown"),
        (["revoke", "ann"], "has no key for 'ann'"),
    ],
)
def test_what_cannot_be_done_is_said(path: Path, arguments: list[str], said: str, capsys):
    assert run(["keys", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not path.exists()


def test_a_file_that_is_not_there_is_said_to_be(path: Path, capsys):
    assert run(["keys", "list"]) == 0
    assert capsys.readouterr().err == f"{path} is not there yet: auricle keys add makes it\n"


def test_which_file_must_be_known(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.delenv("AURICLE_KEYRING", raising=False)
    assert run(["keys", "list"]) == 2
    assert "which file? Name it with --keyring" in capsys.readouterr().err
