"""Which model is meant by a name of Deepgram's.

Knows nothing about requests.
"""

from __future__ import annotations

from auricle.errors import ModelNotFound
from auricle.server.dialects.deepgram import parameters
from auricle.server.dialects.shared import SERVED_MODEL
from auricle.speech_runtime import SpeechRuntime


async def served_model(runtime: SpeechRuntime, name: str) -> tuple[str, str]:
    """A name for the model that is meant, and its own: where the server has none of the name that
    was given, one of Deepgram's means the one it was started with.

    Raises:
        ModelNotFound: nobody knows the name.
    """
    try:
        return name, (await runtime.status(name)).name
    except ModelNotFound:
        is_any = runtime.settings.dialect == "whisperkit"  # its server has one, whatever is asked
        if not is_any and not parameters.is_deepgrams(name):
            raise
    return SERVED_MODEL, (await runtime.status(SERVED_MODEL)).name
