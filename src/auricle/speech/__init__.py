"""Where somebody speaks in pcm, and the windows that are cut there."""
