"""Who said what: voices told apart in a recording, and words given to them."""
