"""`edgetl collect`."""

from edgetl.command import command
from edgetl.edge.collect.options import CollectOptions
from edgetl.edge.errors import quoted


def collect(options: CollectOptions) -> None:
    from edgetl.edge.collect.collecting import collect as collected

    for label, count in collected(options).items():
        print(f"{quoted(label)}  {count}")


COMMAND = command(collect, epilog="Example: edgetl collect photos --classes open,closed,none")
