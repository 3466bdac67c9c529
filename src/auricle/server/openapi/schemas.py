"""The schemas of what is sent and received, taken from the structs themselves.

Knows nothing about paths or statuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from auricle.fields.table import FIELDS
from auricle.output.formats import DiarizedBody, JsonBody, VerboseBody
from auricle.output.speaker_bodies import DiarizedSegment
from auricle.server.batches.bodies import BatchBody, BatchList, FileBody, FileDeleted, FileList
from auricle.server.batches.lines import OutputLine
from auricle.server.dialects.deepgram.bodies import ListenBody
from auricle.server.dialects.deepgram.errors import ListenError
from auricle.server.dialects.openai_events import TextDelta, TextDone
from auricle.server.diarization import DiarizationBody
from auricle.server.downloads import Download, DownloadList
from auricle.server.errors import ErrorBody
from auricle.server.jobs.bodies import JobBody, JobDeleted, JobEvent, JobList
from auricle.server.machine import MachineBody
from auricle.server.models import ModelList, ModelObject
from auricle.server.recent_errors import ErrorList
from auricle.server.status import Health, Service
from auricle.server.transport.json_upload import INPUT_AUDIO, MAX_BODY_BYTES

Json = Mapping[str, Any]

BODIES: tuple[type[msgspec.Struct], ...] = (
    VerboseBody,
    JsonBody,
    DiarizedBody,
    TextDelta,
    DiarizedSegment,
    TextDone,
    ErrorBody,
    ModelList,
    ModelObject,
    DownloadList,
    Download,
    MachineBody,
    ErrorList,
    Health,
    Service,
    ListenBody,
    ListenError,
    DiarizationBody,
    JobBody,
    JobList,
    JobDeleted,
    JobEvent,
    FileBody,
    FileList,
    FileDeleted,
    BatchBody,
    BatchList,
    OutputLine,
)

EVENTS = (TextDelta, DiarizedSegment, TextDone)

NAMES = {
    "JsonBody": "Transcription",
    "VerboseBody": "VerboseTranscription",
    "VerboseSegment": "TranscriptionSegment",
    "VerboseWord": "TranscriptionWord",
    "DiarizedBody": "DiarizedTranscription",
    "DiarizedSegment": "DiarizedTranscriptionSegment",
    "DiarizationBody": "Diarization",
    "SpeakerBody": "Speaker",
    "TextDelta": "TextDeltaEvent",
    "TextDone": "TextDoneEvent",
    "ErrorBody": "Error",
    "WordBody": "ListenWord",
    "JobBody": "Job",
    "FileBody": "File",
    "BatchBody": "Batch",
    "OutputLine": "BatchOutputLine",
    "Search": "ListenSearch",
    "Hit": "ListenHit",
    "Sentence": "ListenSentence",
    "Paragraph": "ListenParagraph",
    "Paragraphs": "ListenParagraphs",
    "Utterance": "ListenUtterance",
    "Alternative": "ListenAlternative",
    "ChannelResult": "ListenChannel",
    "ModelInfo": "ListenModelInfo",
}
"""What a struct is called in the document, where its own name would say too little there."""

_REF = "#/components/schemas/{name}"


def ref(body: str | type[msgspec.Struct]) -> Json:
    """A reference to a schema, by its name or its struct."""
    name = body if isinstance(body, str) else body.__name__
    return {"$ref": _REF.format(name=NAMES.get(name, name))}


def schemas() -> Json:
    """Every schema by its name."""
    _, found = msgspec.json.schema_components(BODIES, ref_template=_REF)
    structs = {struct.__name__: struct for body in BODIES for struct in _structs(body)}
    made = {
        NAMES.get(name, name): _finished(schema, structs[name]) for name, schema in found.items()
    }
    # Otherwise every verbose transcription would be a plain one too, and "one of" a lie
    made[NAMES["JsonBody"]]["additionalProperties"] = False
    return {**made, "TranscriptionEvent": _event(), "AudioForm": _form(), "AudioJson": _json()}


def _structs(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """A struct and every struct in its fields."""
    match kind if isinstance(kind, inspect.Type) else inspect.type_info(kind):
        case inspect.StructType(cls=struct, fields=fields):
            yield struct
            for field in fields:
                yield from _structs(field.type)
        case inspect.UnionType(types=kinds):
            for each in kinds:
                yield from _structs(each)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            yield from _structs(item)
        case inspect.DictType(value_type=item):
            yield from _structs(item)


def _finished(schema: dict[str, Any], struct: type[msgspec.Struct]) -> dict[str, Any]:
    """What msgspec made, from a reader's point of view: a default is always sent, and says nothing
    about what was received."""
    config = struct.__struct_config__
    required = set(schema.get("required", ()))
    properties = {}
    for name, found in schema["properties"].items():
        if "default" in found and not config.omit_defaults:
            required.add(name)
        properties[name] = {key: _renamed(key, value) for key, value in found.items()}
        properties[name].pop("default", None)
        if len(properties[name].get("enum", ())) == 1:
            properties[name] = {"type": "string", "const": properties[name]["enum"][0]}
    text = " ".join(schema.get("description", "").split()).replace("``", "`")
    return {
        "type": "object",
        **({"description": text} if text else {}),
        "required": [name for name in properties if name in required],
        "properties": properties,
    }


def _renamed(key: str, value: Any) -> Any:
    """``value`` with its references pointing to where `NAMES` puts them."""
    if key == "$ref":
        return ref(value.rpartition("/")[2])["$ref"]
    if isinstance(value, Mapping):
        return {inner: _renamed(inner, item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed("", item) for item in value]
    return value


def _event() -> Json:
    tags = {event.__struct_config__.tag: ref(event)["$ref"] for event in EVENTS}
    return {
        "description": "What one data line of a stream holds, told apart by `type`. A line with "
        "`error` instead, of the schema Error, ends a stream that failed; `[DONE]` follows the "
        "last event of one that did not.",
        "oneOf": [ref(event) for event in EVENTS],
        "discriminator": {"propertyName": "type", "mapping": tags},
    }


def _form() -> Json:
    return {
        "type": "object",
        "description": "A recording and what is asked of it. A list may also be sent under its "
        "name without brackets, as a JSON array or separated by commas; an object as a JSON text "
        "or as `name[key]` fields.",
        "required": [field.name for field in FIELDS if field.is_required],
        "properties": {
            field.form_name: {**field.schema, "description": field.description} for field in FIELDS
        },
    }


def _json() -> Json:
    form = _form()
    recording = {
        "type": "object",
        "description": "The recording, in base64; `format` is not looked at.",
        "required": ["data"],
        "properties": {
            "data": {"type": "string", "contentEncoding": "base64"},
            "format": {"type": "string"},
        },
    }
    others = {name: schema for name, schema in form["properties"].items() if name != "file"}
    return {
        "type": "object",
        "description": f"The same as JSON, at most {MAX_BODY_BYTES >> 20} MiB, in the shape of "
        "OpenRouter's API. Lists may be called with brackets or without.",
        "required": [INPUT_AUDIO, "model"],
        "properties": {INPUT_AUDIO: recording, **others},
    }
