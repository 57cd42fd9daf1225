"""What the executables in scripts/ share."""
