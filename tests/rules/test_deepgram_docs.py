"""Deepgram's parameters: what the server reads is what its documents list."""

from __future__ import annotations

from auricle.server.dialects.deepgram import flux_request, parameters, recorded, stream_request
from auricle.server.openapi import listen
from tests.rules import source


def test_the_document_lists_what_is_read_of_recordings():
    refused = {"redact", "callback"}
    assert set(listen.PARAMETERS) == recorded.PARAMETERS - parameters.IGNORED - refused


def test_the_page_names_every_parameter():
    page = (source.ROOT / "docs/api.md").read_text(encoding="utf-8")
    unnamed = {
        name
        for name in recorded.PARAMETERS | stream_request.PARAMETERS | flux_request.PARAMETERS
        if f"`{name}`" not in page and not name.startswith(("custom_", "diarize_"))
    }
    assert unnamed == set()
