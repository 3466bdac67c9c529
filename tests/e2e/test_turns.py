"""A turn ends when its speaker has finished, told by the real model of turn taking."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.live.effects import TurnEnded
from auricle.live.options import LiveOptions
from auricle.live.turns import TurnOptions
from auricle.types import SAMPLE_RATE, DecodeOptions
from tests.audio_files import SAMPLES, read_wav
from tests.e2e.conftest import Real
from tests.waiting import until

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]


async def test_the_end_of_a_sentence_ends_the_turn(english: Real) -> None:
    """No silence would: it takes a minute of it."""
    live = LiveOptions(TurnOptions(ending="semantic", max_wait_s=60.0), language="en")
    sentence = read_wav(SAMPLES / "jfk.wav")[7 * SAMPLE_RATE :]
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    await until(lambda: english.runtime.n_live == 0)  # those of other tests are being closed
    async with english.runtime.open_live(live, DecodeOptions()) as stream:
        assert english.runtime.n_live == 1
        await stream.send(np.concatenate([sentence, pause]))
        ended = await anext(effect async for effect in stream if isinstance(effect, TurnEnded))
    assert ended.end_s == pytest.approx(4.3, abs=0.3)
