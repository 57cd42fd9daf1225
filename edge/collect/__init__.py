"""Photos taken with a camera into the folder that `edgetl train` reads."""
