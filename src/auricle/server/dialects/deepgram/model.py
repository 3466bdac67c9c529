"""Which model is meant by a name of Deepgram's.

Knows nothing about requests.
"""

from __future__ import annotations

from auricle.errors import ModelNotFound
from auricle.server.dialects.deepgram import parameters
from auricle.server.dialects.shared import SERVED_MODEL
from auricle.speech_runtime import SpeechRuntime


async def served_model(runtime: SpeechRuntime, name: str) -> str:
    """The name by which the server knows the model that is meant: where it has none of that name,
    one of Deepgram's means the one it was started with.

    Raises:
        ModelNotFound: nobody knows the name.
    """
    try:
        await runtime.find(name)
    except ModelNotFound:
        is_any = runtime.settings.dialect == "whisperkit"  # its server has one, whatever is asked
        if is_any or parameters.is_deepgrams(name):
            return SERVED_MODEL
        raise
    return name
