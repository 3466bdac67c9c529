"""A server on a real Ray cluster of several nodes: `make ray-test`."""
