"""A transcript as json, text or subtitles."""
