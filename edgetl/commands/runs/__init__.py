"""`edgetl runs`: its commands, a file each."""

from edgetl.commands import Commands

COMMAND = Commands(
    name="runs",
    package="edgetl.commands.runs",
    summaries={
        "list": "What is in ./runs: date, photos, accuracy, exports. The default.",
        "compare": "How two runs differ, in settings and in figures.",
        "use": "Point latest to a run, which commands then work on.",
        "clean": "What can be removed, and with --yes remove it.",
    },
    default="list",
    help="",
    epilog="Example: edgetl runs compare runs/a runs/b",
)
