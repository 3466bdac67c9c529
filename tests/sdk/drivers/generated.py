"""The client that openapi-python-client makes of the document: transcribes, translates, lists
models and reads an error.

Knows nothing about what the answers should be. The folder with the client is the first argument.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    folder, url, key, english, spanish = sys.argv[1:]
    sys.path.insert(0, folder)
    api: Any = importlib.import_module("auricle_client.api.audio.create_transcription")
    translations: Any = importlib.import_module("auricle_client.api.audio.create_translation")
    models: Any = importlib.import_module("auricle_client.api.models.list_models")
    types: Any = importlib.import_module("auricle_client.types")
    shapes: Any = importlib.import_module("auricle_client.models")
    package: Any = importlib.import_module("auricle_client")
    client = package.AuthenticatedClient(base_url=url, token=key, timeout=60)

    def form(path: str, **fields: Any) -> Any:
        content = types.File(payload=Path(path).open("rb"), file_name=Path(path).name)  # noqa: SIM115
        return shapes.AudioForm(file=content, **fields)

    granularity = shapes.AudioFormTimestampGranularitiesItem
    transcription = api.sync(
        client=client,
        body=form(
            english,
            model="tiny.en",
            response_format=shapes.AudioFormResponseFormat.VERBOSE_JSON,
            timestamp_granularities=[granularity.WORD, granularity.SEGMENT],
        ),
    )
    translation = translations.sync(client=client, body=form(spanish, model="base"))
    refused = api.sync_detailed(client=client, body=form(english, model="nowhere"))
    found = {
        "text": transcription.text,
        "words": len(transcription.words),
        "translation": translation.text,
        "models": [model.id for model in models.sync(client=client).data],
        "status": int(refused.status_code),
        "code": refused.parsed.error.code,
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
