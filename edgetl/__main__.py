"""The command edgetl, and python -m edgetl."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still imported shows no traceback."""
    try:
        from edgetl.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
