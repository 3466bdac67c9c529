"""What a request may ask for: one table of fields, and the kinds of values they take."""
