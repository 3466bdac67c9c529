"""Calls to a child process over its standard pipes: answered once or in parts, and cancelled."""
