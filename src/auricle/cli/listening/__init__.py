"""``auricle listen``: where sound comes from, who makes text of it, and how it is shown."""
