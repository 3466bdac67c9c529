"""The OpenAPI document, made from the structs that are sent and the table of fields; and Swagger
UI, which shows it without fetching anything from elsewhere.

Knows nothing about how requests are answered.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from auricle import __version__
from auricle.server.openapi import listen, realtime
from auricle.server.openapi.answers import HEADERS, RESPONSES
from auricle.server.openapi.paths import PARAMETERS, TAGS, paths
from auricle.server.openapi.schemas import Json, schemas
from auricle.server.transport.file_response import File

_VIEWER = Path(__file__).with_name("viewer")
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
"""Swagger UI's own files, as its package has them, and their types; ``make viewer`` copies them."""

_ABOUT = (
    "Speech to text on your own machine, through OpenAI's Audio API: a client of that API works "
    "when its base URL is changed. Fields of a form that are not listed are ignored; values that "
    "cannot be honoured are refused with an error that names the field and what is allowed.\n\n"
    f"{realtime.ABOUT}"
)


async def document(_: Request) -> Response:
    """``GET /openapi.json``"""
    return Response(msgspec.json.encode(openapi()), media_type="application/json")


async def document_yaml(_: Request) -> Response:
    """``GET /openapi.yaml``: the same, since JSON is YAML."""
    body = msgspec.json.format(msgspec.json.encode(openapi()), indent=2)
    return Response(body, media_type="application/yaml")


async def page(_: Request) -> Response:
    """``GET /docs``"""
    return File(_VIEWER / "index.html")


async def asset(request: Request) -> Response:
    """``GET /docs/{name}``"""
    name = request.path_params["name"]
    if name not in ASSETS:
        raise HTTPException(404)
    return File(_VIEWER / name, media_type=ASSETS[name])


def openapi() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Auricle",
            "version": __version__,
            "summary": "Speech to text on your own machine.",
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The server this document comes from."}],
        "security": [{}, {"bearer": []}],
        "tags": TAGS,
        "paths": paths(),
        "components": {
            "schemas": schemas(),
            "responses": {**RESPONSES, "ListenFailed": listen.FAILED},
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed only where the server was started with API keys.",
                }
            },
        },
    }
