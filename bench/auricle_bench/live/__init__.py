"""Live streams at real time against a server: how soon words come, and how right they are."""
