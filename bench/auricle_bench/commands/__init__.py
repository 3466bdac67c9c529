"""The commands ``auricle bench`` and ``auricle evaluate``, which Auricle's own command takes in."""
