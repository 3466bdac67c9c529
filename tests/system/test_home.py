"""A user without a home folder: an id that no system knows, in a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.errors import DownloadFailed
from auricle.models import cache, registry
from auricle.models.fetch import FetchOptions, locate
from auricle.settings.config import load
from auricle.system.home import NO_HOME, expanded, home


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", unknown)  # which Path.home asks, too
    monkeypatch.setattr(Path, "home", lambda: unknown(Path()))


def test_a_user_with_a_home():
    assert home() == Path.home()
    assert expanded(Path("~/models")) == Path.home() / "models"


@pytest.mark.usefixtures("no_home")
def test_a_user_without_a_home_has_settings_and_an_empty_cache():
    """Every command ended in a traceback."""
    settings = load({"model_path": "~/models/base"}, environ={})
    assert settings.model_path == Path.cwd() / "~" / "models" / "base"
    assert cache.cache_dir(None, {}) == NO_HOME / ".cache" / "auricle"
    assert cache.entries(cache.cache_dir(None, {})) == []
    place = registry.models()[0].mirrors[0]
    assert cache.hub_snapshot(place, {}) is None


def test_who_cannot_write_the_cache_is_told_of_the_setting(tmp_path: Path):
    (tmp_path / "file").write_text("where a folder should be")
    fetching = FetchOptions(cache=tmp_path / "file" / "auricle", environ={})
    with pytest.raises(DownloadFailed) as caught:
        locate("tiny.en", load({}, environ={}), fetching=fetching)
    assert caught.value.message == (
        f"cannot write to the model cache {tmp_path / 'file' / 'auricle'}: Not a directory; name "
        "another folder with --cache-dir (AURICLE_CACHE_DIR)"
    )
