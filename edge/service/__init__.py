"""Commands of edgetl as systemd services: their options, checks, unit and installation."""
