"""What a server can be told: one table of settings, and where their values are read from."""
