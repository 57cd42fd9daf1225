"""python -m edgetl: the same as the command edgetl."""

from edgetl.cli import main

main()
