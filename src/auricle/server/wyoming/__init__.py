"""The Wyoming protocol, which Home Assistant speaks to its voice services."""
