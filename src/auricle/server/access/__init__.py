"""Who may ask: by which name, from which page, with which key."""
