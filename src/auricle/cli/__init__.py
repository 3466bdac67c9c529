"""The ``auricle`` command."""
