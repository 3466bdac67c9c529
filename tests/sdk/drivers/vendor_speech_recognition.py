"""SpeechRecognition, through OpenAI's SDK and through Groq's.

Knows nothing about what the texts should be. Runs as a program, with nothing of Auricle's.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import speech_recognition


def heard(asked: dict[str, Any]) -> dict[str, Any]:
    os.environ |= {
        "OPENAI_BASE_URL": f"{asked['url']}/v1",
        "OPENAI_API_KEY": asked["key"],
        "GROQ_BASE_URL": asked["url"],
        "GROQ_API_KEY": asked["key"],
    }
    recognizer = speech_recognition.Recognizer()
    with speech_recognition.AudioFile(asked["path"]) as source:
        audio = recognizer.record(source)
    return {
        "text": recognizer.recognize_openai(audio, model=asked["model"]),
        "groq": recognizer.recognize_groq(audio, model=asked["model"]),
    }


if __name__ == "__main__":
    json.dump(heard(json.load(sys.stdin)), sys.stdout)
