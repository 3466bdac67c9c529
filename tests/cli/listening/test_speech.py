"""What was said in a turn, as segments of a transcript."""

from __future__ import annotations

from auricle.cli.listening.speech import FinishedTurn
from auricle.types import Word


def test_every_segment_begins_with_a_space_however_its_first_word_comes() -> None:
    """Texts of one speaker are joined; a server's words have no space before the first one."""
    words = (
        Word("Not", 0.0, 0.2, 1.0, speaker="A"),
        Word(" yet.", 0.2, 0.5, 1.0, speaker="A"),
        Word(" Why?", 0.6, 0.9, 1.0, speaker="B"),
    )
    segments = FinishedTurn(0.0, 1.0, "Not yet. Why?", words).segments
    assert [(each.speaker, each.text) for each in segments] == [("A", " Not yet."), ("B", " Why?")]


def test_a_servers_words_time_subtitles() -> None:
    said = (Word("Not", 0.4, 0.6, 1.0), Word(" yet.", 0.6, 0.9, 1.0))
    [segment] = FinishedTurn(0.1, 1.2, "Not yet.", said).segments
    assert "".join(word.text for word in segment.words or ()) == segment.text
