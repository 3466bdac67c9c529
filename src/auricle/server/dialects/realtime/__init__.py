"""OpenAI's Realtime API for transcription: live speech over a websocket."""
