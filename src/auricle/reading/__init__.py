"""Reading: a window of audio becomes final segments."""
