"""``/v1/jobs``: recordings that are transcribed while nobody waits."""
