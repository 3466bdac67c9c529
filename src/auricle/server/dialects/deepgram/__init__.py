"""Deepgram's API: ``/v1/listen`` for recordings and live streams, ``/v2/listen`` for turns."""
