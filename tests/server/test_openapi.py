"""The OpenAPI document: valid, equal to its file, and true about what is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from auricle.fields.table import FIELDS
from auricle.server.openapi import ASSETS, openapi
from tests.rules.source import ROOT
from tests.server.conftest import Served
from tests.server.events import events

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNLISTED = ("GET /openapi.json", "GET /openapi.yaml", "GET /docs")
FILE = ("speech.wav", b"RIFF and so on")

DOCUMENT: dict[str, Any] = json.loads(json.dumps(openapi()))


def problems(value: object, schema: dict[str, Any]) -> list[str]:
    """What is wrong with a value; references in the schema are into the document."""
    validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    return [error.message for error in validator.iter_errors(value)]


def schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    for word in value.get("$ref", "#").split("/")[1:]:
        value = DOCUMENT[word] if word == "components" else value[word]
    return value


async def test_it_is_valid() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


async def test_the_file_is_what_is_served_in_both_forms(served: Served) -> None:
    """When this fails, `make openapi` writes the file anew."""
    async with served.http() as http:
        as_json = await http.get("/openapi.json")
        as_yaml = await http.get("/openapi.yaml")
    assert as_yaml.headers["content-type"] == "application/yaml"
    in_file = (ROOT / "openapi.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(in_file) == yaml.safe_load(as_yaml.text) == as_json.json() == DOCUMENT


async def test_every_path_is_in_it_and_no_other(served: Served) -> None:
    async with served.http() as http:
        endpoints = (await http.get("/")).json()["endpoints"]
    assert [name for name, _ in operations()] == [one for one in endpoints if one not in UNLISTED]


async def test_the_form_is_the_table_of_fields() -> None:
    form = openapi()["components"]["schemas"]["AudioForm"]
    assert list(form["properties"]) == [field.form_name for field in FIELDS]
    assert form["required"] == ["file", "model"]
    assert form["properties"]["timestamp_granularities[]"]["type"] == "array"


async def test_every_example_fits_its_schema() -> None:
    def examples(media: dict[str, Any]) -> Iterator[Any]:
        yield from (example["value"] for example in media.get("examples", {}).values())
        if "example" in media:
            yield media["example"]

    found = []
    for name, operation in operations():
        answers = [resolved(answer) for answer in operation["responses"].values()]
        for content in [operation.get("requestBody", {}), *answers]:
            for kind, media in content.get("content", {}).items():
                if kind == "text/event-stream":
                    continue
                for example in examples(media):
                    found.append((name, kind))
                    assert problems(example, media["schema"]) == [], (name, example)
    assert {kind for _, kind in found} == {"application/json", "text/plain", "multipart/form-data"}


async def test_the_example_of_a_stream_fits() -> None:
    post = DOCUMENT["paths"]["/v1/audio/transcriptions"]["post"]
    stream = post["responses"]["200"]["content"]["text/event-stream"]
    shown = events(stream["examples"]["stream"]["value"])
    assert [problems(event, stream["schema"]) for event in shown] == [[], [], []]
    assert [event["type"] for event in shown] == [*["transcript.text.delta"] * 2, DONE]


DONE = "transcript.text.done"


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/v1/models", "ModelList"),
        ("GET", "/v1/models/whisper-1", "ModelObject"),
        ("POST", "/v1/models/small/load", "ModelObject"),
        ("GET", "/v1/models/none", "Error"),
        ("GET", "/nothing", "Error"),
        ("GET", "/health", "Health"),
        ("GET", "/readyz", "Health"),
        ("GET", "/", "Service"),
    ],
)
async def test_what_is_sent_fits(served: Served, method: str, path: str, name: str) -> None:
    async with served.http() as http:
        answer = await http.request(method, path)
    assert problems(answer.json(), schema(name)) == []


@pytest.mark.parametrize("response_format", ["json", "verbose_json"])
async def test_a_transcription_is_one_of_two(served: Served, response_format: str) -> None:
    async with served.http() as http:
        form = {"model": "base", "response_format": response_format}
        answer = await http.post("/v1/audio/transcriptions", data=form, files={"file": FILE})
    wanted = "Transcription" if response_format == "json" else "VerboseTranscription"
    fits = [
        name
        for name in ("Transcription", "VerboseTranscription")
        if problems(answer.json(), schema(name)) == []
    ]
    assert fits == [wanted]


async def test_events_are_told_apart_by_their_type(served: Served) -> None:
    async with served.http() as http:
        form = {"model": "base", "stream": "true"}
        answer = await http.post("/v1/audio/transcriptions", data=form, files={"file": FILE})
    event = DOCUMENT["components"]["schemas"]["TranscriptionEvent"]
    for said in events(answer.text):
        assert problems(said, schema("TranscriptionEvent")) == []
        named = event["discriminator"]["mapping"][said["type"]]
        assert problems(said, {"$ref": named}) == []


async def test_every_operation_has_a_name_of_its_own_and_a_known_tag() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    assert len(set(names)) == len(names)
    assert {tag for _, operation in operations() for tag in operation["tags"]} == tags


async def test_the_page_and_its_files_come_from_here(served: Served) -> None:
    """That it shows the document is tried in a browser, by ``make sdk``."""
    async with served.http() as http:
        page = await http.get("/docs")
        files = [await http.get(f"/docs/{name}") for name in ASSETS]
        unknown = await http.get("/docs/index.html")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text) == [
        "data:,",
        "docs/swagger-ui.css",
        "openapi.json",
        "docs/swagger-ui-bundle.js",
    ]
    assert [answer.headers["content-type"].partition(";")[0] for answer in files] == [
        "text/javascript",
        "text/css",
    ]
    assert [answer.status_code for answer in (*files, unknown)] == [200, 200, 404]
