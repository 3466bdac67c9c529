"""The progress bar shows itself on terminals only."""

from __future__ import annotations

import io

import pytest

from auricle.models.progress import Bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "shown"), [(Terminal(), True), (io.StringIO(), False)])
def test_bar(stream, shown):
    bar = Bar(stream)
    bar.advance(1)  # before the start: nobody to tell
    bar.start("base", 2_000_000)
    bar.advance(1_500_000)
    bar.advance(-500_000)
    bar.start("base again", None)
    bar.close()
    bar.close()
    text = stream.getvalue()
    assert ("base" in text, "2.00M" in text) == (shown, shown)
    assert bool(text) is shown
