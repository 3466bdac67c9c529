"""From sockets to requests and back: listening, limits, uploads, responses, the end of a server."""
