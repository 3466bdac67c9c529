"""Drives Deepgram's Python SDK 4. Runs in an environment of its own."""

from __future__ import annotations

from typing import Any

from deepgram import (
    DeepgramClient,
    DeepgramClientOptions,
    LiveOptions,
    LiveTranscriptionEvents,
    PrerecordedOptions,
)
from deepgram_heard import OPTIONS, WAIT_S, Heard, chunks, run


def older(asked: dict[str, Any], audio: bytes) -> dict[str, Any]:
    given = DeepgramClientOptions(url=asked["url"], options={"keepalive": "true"})
    client = DeepgramClient(asked["key"], given)
    posted = client.listen.rest.v("1").transcribe_file(
        {"buffer": audio}, PrerecordedOptions(model="nova-3", smart_format=True, utterances=True)
    )
    heard = Heard()
    connection = client.listen.websocket.v("1")

    def result(_: Any, result: Any, **__: Any) -> None:
        heard.take(result)

    connection.on(LiveTranscriptionEvents.Transcript, result)

    def failure(_: Any, error: Any, **__: Any) -> None:
        heard.errors.append(str(error))

    connection.on(LiveTranscriptionEvents.Error, failure)
    for event, name in (
        (LiveTranscriptionEvents.Metadata, "metadata"),
        (LiveTranscriptionEvents.SpeechStarted, "speech_started"),
        (LiveTranscriptionEvents.UtteranceEnd, "utterance_end"),
    ):
        connection.on(event, lambda _, _name=name, **given: heard.take(given[_name]))
    assert connection.start(LiveOptions(**{**OPTIONS, "utterance_end_ms": "1000"}))
    for chunk in chunks(audio):
        connection.send(chunk)
    connection.finalize()
    heard.finalized.wait(WAIT_S)
    connection.finish()  # waits for half a second
    alternative = posted.results.channels[0].alternatives[0]
    return {
        "posted": alternative.transcript,
        "words": len(alternative.words),
        "duration": posted.metadata.duration,
        "live": heard.told(),
        "flux": {},
    }


if __name__ == "__main__":
    run("deepgram-sdk", older)
