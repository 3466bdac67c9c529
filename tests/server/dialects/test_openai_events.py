"""A streamed text is whole, and neither it nor its tokens are sent twice."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from auricle.output.formats import Style, Usage
from auricle.segment_stream import EarlyWords
from auricle.server.dialects.openai_events import GrowingText, TextDelta
from auricle.server.transport.response import framed
from auricle.types import Segment, Token, Word
from tests.server.fakes import said


@given(st.lists(st.text(alphabet=st.sampled_from(" \n\tab。"), max_size=6), max_size=8))
def test_deltas_join_to_the_stripped_text(pieces: list[str]) -> None:
    growing = GrowingText(Style())
    deltas = [delta for piece in pieces if (delta := growing.append(said(piece))) is not None]
    done = growing.done(Usage(1))
    assert "".join(delta.delta for delta in deltas) == done.text == "".join(pieces).strip()
    assert all(delta.logprobs is msgspec.UNSET for delta in deltas)
    assert done.logprobs is msgspec.UNSET


@given(st.lists(st.lists(st.sampled_from([" ", "\n", " a", "b", "。"]), max_size=4), max_size=6))
def test_no_token_is_lost_or_sent_twice(segments: list[list[str]]) -> None:
    """White space waits for the next delta, and so do its tokens."""
    growing = GrowingText(Style(logprobs=True))
    sent = []
    for pieces in segments:
        tokens = tuple(Token(7, piece.encode(), -0.5) for piece in pieces)
        spoken = msgspec.structs.replace(said("".join(pieces)), logprobs=tokens)
        delta = growing.append(spoken)
        sent += [] if delta is None else [each.token for each in delta.logprobs or ()]
    done = [each.token for each in growing.done(Usage(1)).logprobs or ()]
    assert done == [piece for pieces in segments for piece in pieces]
    assert sent == done[: len(sent)]
    assert "".join(done[len(sent) :]).strip() == ""


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.text(alphabet=st.sampled_from(" ab。"), max_size=5), min_size=1, max_size=3
            ),
            st.lists(st.integers(0, 15), max_size=4),
        ),
        max_size=4,
    )
)
def test_text_that_comes_ahead_of_its_segments_is_sent_once(windows) -> None:
    """Windows of segments, and how much of their text was known before, each time more."""
    growing = GrowingText(Style(logprobs=True))
    deltas: list[TextDelta | None] = []
    whole = ""
    for pieces, known in windows:
        text = "".join(pieces)
        whole += text
        for n in sorted(known):
            ahead = text[:n].rstrip()
            deltas.append(growing.append(EarlyWords(ahead, letters(ahead))))
        deltas += [
            growing.append(msgspec.structs.replace(said(piece), logprobs=letters(piece)))
            for piece in pieces
        ]
    sent = "".join(delta.delta for delta in deltas if delta is not None)
    done = growing.done(Usage(1))
    assert sent == done.text == whole.strip()
    assert isinstance(done.logprobs, tuple)
    assert [each.token for each in done.logprobs] == list(whole)
    told = [each for delta in deltas if delta is not None for each in delta.logprobs or ()]
    assert told == list(done.logprobs[: len(told)])
    assert not "".join(each.token for each in done.logprobs[len(told) :]).strip()


def letters(text: str) -> tuple[Token, ...]:
    """A token for each."""
    return tuple(Token(0, letter.encode(), -0.5) for letter in text)


def test_words_of_text_that_came_ahead_come_with_the_end_of_their_segment() -> None:
    growing = GrowingText(Style(words=True))
    timed = (Word(" One", 0.0, 0.4, 1.0), Word(" two.", 0.4, 0.9, 1.0))
    first = growing.append(EarlyWords(" One"))
    last = growing.append(msgspec.structs.replace(said(" One two."), words=timed))
    assert first is not None
    assert last is not None
    assert (first.delta, first.words) == ("One", ())
    assert (last.delta, last.words) == (" two.", growing.done(Usage(1)).words)


def test_a_segment_of_which_all_was_known_sends_what_is_new() -> None:
    growing = GrowingText(Style())
    first: list[EarlyWords | Segment] = [
        EarlyWords(" One"),
        EarlyWords(" One two"),
        said(" One two."),
    ]
    deltas = [growing.append(each) for each in (*first, EarlyWords(" Three"), said(" Three"))]
    assert [None if each is None else each.delta for each in deltas] == [
        "One",
        " two",
        ".",
        " Three",
        None,
    ]


def test_events_show_probabilities_only_when_asked() -> None:
    token = Token(7, b" \xe2\x80", -0.25)
    spoken = msgspec.structs.replace(said(" a"), logprobs=(token,))
    asked = GrowingText(Style(logprobs=True))
    shown = '"logprobs":[{"token":"bytes: \\\\xe2\\\\x80","logprob":-0.25,"bytes":[32,226,128]}]'
    assert msgspec.json.encode(asked.append(spoken)).decode() == (
        '{"type":"transcript.text.delta","delta":"a",' + shown + "}"
    )
    assert msgspec.json.encode(asked.done(Usage(1))).decode() == (
        '{"type":"transcript.text.done","text":"a",'
        + shown
        + ',"usage":{"seconds":1,"type":"duration"}}'
    )
    plain = GrowingText(Style())
    assert msgspec.json.encode(plain.append(spoken)).decode() == (
        '{"type":"transcript.text.delta","delta":"a"}'
    )


def test_the_end_lists_the_languages_only_when_asked() -> None:
    """They were in the plain answer alone: gpt-transcribe's streams have them, too."""
    for has_languages, shown in ((True, '"languages":[{"code":"es"},{"code":"en"}],'), (False, "")):
        growing = GrowingText(Style(languages=has_languages))
        for code in ("es", "en", "es"):
            growing.append(msgspec.structs.replace(said(" a"), language=code))
        assert msgspec.json.encode(growing.done(Usage(1))).decode() == (
            '{"type":"transcript.text.done","text":"a a a",'
            + shown
            + '"usage":{"seconds":1,"type":"duration"}}'
        )


def test_the_times_of_words_are_there_only_when_asked() -> None:
    word = Word(" a", 0.25, 0.75, 0.5)
    timed = msgspec.structs.replace(said(" a"), words=(word,))
    for has_words in (True, False):
        growing = GrowingText(Style(words=has_words))
        shown = '"words":[{"word":"a","start":0.25,"end":0.75,"probability":0.5}],'
        assert msgspec.json.encode(growing.append(timed)).decode() == (
            '{"type":"transcript.text.delta","delta":"a"'
            + (f",{shown[:-1]}" if has_words else "")
            + "}"
        )
        assert msgspec.json.encode(growing.done(Usage(1))).decode() == (
            '{"type":"transcript.text.done","text":"a",'
            + (shown if has_words else "")
            + '"usage":{"seconds":1,"type":"duration"}}'
        )


def test_no_word_is_sent_twice() -> None:
    growing = GrowingText(Style(words=True))
    sent = []
    for at, text in enumerate((" a", " ", " b")):
        word = Word(text, at, at + 0.5, 0.5)
        delta = growing.append(msgspec.structs.replace(said(text), words=(word,)))
        sent += [] if delta is None else [each.start for each in delta.words or ()]
    assert sent == [0, 1, 2] == [each.start for each in growing.done(Usage(1)).words or ()]


def test_an_event_is_its_name_and_one_line() -> None:
    assert framed(TextDelta("a\nb")) == (
        b'event: transcript.text.delta\ndata: {"type":"transcript.text.delta","delta":"a\\nb"}\n\n'
    )
