"""The process of the end-of-turn model: ``python -m auricle.turn_taking.worker``.

Knows nothing about streams. It predicts for one pause after the other: each takes a core for a
fraction of a second, and who hears of it late knows by then whether the speaker has gone on.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np

from auricle.rpc.caller import Caller
from auricle.turn_taking.messages import Predict, Prediction, TurnRequest
from auricle.turn_taking.network import EndOfTurn


def run(caller: Caller[TurnRequest]) -> None:
    """Serve until the parent has gone."""
    network: EndOfTurn | None = None
    for call in caller:
        if call.is_cancelled:
            continue
        try:
            if isinstance(call.request, Predict):
                assert network is not None, "a pause before Load"
                probability = network.probability(np.frombuffer(call.request.pcm, "<f4"))
                call.reply(Prediction(probability))
            else:
                network = EndOfTurn.load(Path(call.request.path))
                call.reply(Prediction())
        except Exception as exc:  # the border: every call gets an answer
            logging.getLogger(__name__).exception("%s failed", type(call.request).__name__)
            call.fail(exc)
    os._exit(0)


if __name__ == "__main__":
    run(Caller(TurnRequest))
