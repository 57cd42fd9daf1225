"""`edgetl classify` as a systemd service: its options, checks, unit and installation."""
