"""What follows a text that the model ended too soon."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auricle.types import DecodeOptions, Window
from tests.fakes import VOCABULARY, FakeEngine, FakeRow, FakeText, window
from tests.reading.test_reader import read

TOLD = " T-Rex"


def hearing(rest: str, told: str = TOLD, **said):
    """The model stops after 6 s. Behind ``told``, without timestamps, it says the ``rest``; to the
    audio from there on alone something else."""

    def hear(heard: FakeRow) -> FakeText:
        if heard.start_s > 0:
            return FakeText(" alone")
        if heard.has_timestamps:
            return FakeText(told, end_s=6.0, goes_on=True, **said)
        assert heard.prefix == told
        return FakeText(heard.prefix + rest, **said)

    return hear


async def _read(hear, what: Window, options: DecodeOptions | None = None):
    engine = FakeEngine(hear)
    reading = await read(engine, options or DecodeOptions(), what)
    return engine, reading.segments


async def test_the_rest_of_a_window_is_read_from_the_states_there_are():
    engine, segments = await _read(hearing(" was no match for it. "), window(seconds=9.0))
    assert [(each.text, each.start_s, each.end_s) for each in segments] == [
        (TOLD, 0.0, 6.0),
        (" was no match for it.", 6.0, 9.0),
    ]
    first = VOCABULARY.first_timestamp
    assert (segments[1].tokens[0] - first, segments[1].tokens[-1] - first) == (300, 450)
    assert len(engine.encodes) == 1
    assert [each.job.beam_size for each in engine.heard] == [5, 5]


async def test_the_rest_is_as_sure_as_the_search_was():
    options = DecodeOptions(logprobs=True)
    engine, [told, rest] = await _read(
        hearing(" was.", tells_logprobs=True), window(seconds=9.0), options
    )
    n = len(TOLD)
    assert [each.logprob for each in told.logprobs] == [-(1 + i) / 100 for i in range(n)]
    assert [each.logprob for each in rest.logprobs] == [-(n + i) / 100 for i in range(5)]
    assert engine.aligns == []


async def test_a_search_without_beams_goes_on_without():
    engine, _ = await _read(hearing(" was."), window(seconds=9.0), DecodeOptions(decoding="fast"))
    assert [each.job.beam_size for each in engine.heard] == [1, 1]


COUNT = "".join(f" {n}" for n in range(55))
"""Over 144 tokens, without a loop."""

QUIET = replace(window(seconds=9.0), speech=((0.0, 6.4),))


@pytest.mark.parametrize(
    ("hear", "what"),
    [
        pytest.param(hearing(""), window(seconds=9.0), id="nothing more"),
        pytest.param(hearing(" ..."), window(seconds=9.0), id="no letters"),
        pytest.param(hearing("a" * 64), window(seconds=9.0), id="more than can be said"),
        pytest.param(hearing(" yes no" * 8), window(seconds=9.0), id="a loop"),
        pytest.param(hearing(" was."), window(seconds=12.1), id="a long rest"),
        pytest.param(hearing(" was."), QUIET, id="hardly any speech"),
        pytest.param(
            hearing(" was.", COUNT[:120], tells_logprobs=True), window(seconds=9.0), id="unsure"
        ),
        pytest.param(hearing(" was.", COUNT), window(seconds=9.0), id="a long text"),
    ],
)
async def test_another_rest_is_read_by_itself(hear, what):
    engine, segments = await _read(hear, what)
    assert [each.text for each in segments][1:] == [" alone"]
    assert len(engine.encodes) == 2


async def test_a_rest_that_may_only_repeat_the_prompt_is_read_by_itself():
    """And there once more without the prompt, as all that looks like it."""

    def hear(heard):
        if heard.start_s > 0:
            return FakeText(" Thanks for watching." if heard.told else " alone")
        return hearing(" Thanks for watching.")(heard)

    options = DecodeOptions(prompt="Thanks for watching.")
    _, segments = await _read(hear, window(seconds=9.0), options)
    assert [each.text for each in segments] == [TOLD, " alone"]
