"""One queue per model: which window of which request runs next."""
