"""A server on a runtime without a model, as the server's own tests use it."""

from tests.server.conftest import served, shared

__all__ = ["served", "shared"]
