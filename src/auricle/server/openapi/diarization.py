"""``POST /v1/audio/diarization`` in the document.

Knows nothing about how voices are told apart.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from auricle.fields.table import BY_NAME
from auricle.output.formats import usage
from auricle.output.speaker_bodies import SpeakerBody
from auricle.server.diarization import FORMATS, DiarizationBody, SpokenTurn
from auricle.server.openapi.answers import ALWAYS, OF_RECORDING, failures, json_content, success
from auricle.server.openapi.schemas import Json

_FIELDS: Final = (
    "file",
    "num_speakers",
    "min_speakers",
    "max_speakers",
    "known_speaker_names",
    "known_speaker_references",
    "speaker_embeddings",
    "audio_track",
)

_EXAMPLE: Final = DiarizationBody(
    duration=8.47,
    num_speakers=2,
    segments=(SpokenTurn(0, 0.42, 3.1, "A"), SpokenTurn(1, 3.35, 8.2, "B")),
    speakers=(SpeakerBody("A", False, 2.68), SpeakerBody("B", False, 4.85)),
    usage=usage(8.47),
)

_RTTM: Final = (
    "SPEAKER recording 1 0.420 2.680 <NA> <NA> A <NA> <NA>\n"
    "SPEAKER recording 1 3.350 4.850 <NA> <NA> B <NA> <NA>\n"
)


def form() -> Json:
    """What may be sent."""
    properties: dict[str, Any] = {
        BY_NAME[name].form_name: {**BY_NAME[name].schema, "description": BY_NAME[name].help}
        for name in _FIELDS
    }
    properties["response_format"] = {"type": "string", "enum": list(FORMATS), "default": "json"}
    properties["model"] = {
        "type": "string",
        "description": "Not looked at: there is one model that tells speakers apart.",
    }
    return {"type": "object", "required": ["file"], "properties": properties}


def operation() -> Json:
    """What it takes and answers."""
    text = {"schema": {"type": "string", "description": "For rttm."}, "example": _RTTM}
    content = {
        **json_content(DiarizationBody, msgspec.to_builtins(_EXAMPLE)),
        "text/plain": text,
    }
    return {
        "operationId": "createDiarization",
        "tags": ["Audio"],
        "summary": "Say who speaks when in a recording",
        "parameters": [{"$ref": "#/components/parameters/Deadline"}],
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": form()}},
        },
        "responses": {
            "200": success(content, "The turns.", {**ALWAYS, **OF_RECORDING}),
            **failures(400, 401, 403, 404, 408, 413, 429, 500, 503, 504, 507),
        },
    }
