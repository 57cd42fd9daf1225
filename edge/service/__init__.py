"""`edgetl classify` as a systemd service: its unit, and putting it in its place."""
