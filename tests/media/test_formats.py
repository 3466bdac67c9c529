"""The list of containers is FFmpeg's, as far as it goes."""

from __future__ import annotations

import pytest
from av.format import ContainerFormat

from auricle.media import formats

NO_AUDIO = {"avif", "heic", "heif", "mj2", "mks"}
"""Images and subtitles that are stored in the same containers."""


@pytest.mark.parametrize("name", formats.CONTAINERS)
def test_suffixes_that_ffmpeg_knows_are_known(name):
    assert ContainerFormat(name, "r").extensions - NO_AUDIO <= set(formats.SUFFIXES_OF[name])


def test_what_is_said_of_containers_is_said_of_some_that_are_read():
    for named in (
        formats.WITHOUT_LENGTH,
        formats.DATED,
        formats.STREAMED,
        formats.STARTS_ANYWHERE,
    ):
        assert named <= set(formats.CONTAINERS)
