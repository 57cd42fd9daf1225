"""`edgetl demo`."""

from edgetl.benchmarks.demo_options import DemoOptions
from edgetl.command import command
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.native_log import hidden_native_log


def demo(options: DemoOptions) -> None:
    need_extra("train", needs="edgetl demo")
    with hidden_native_log(), gc_disabled():
        from edgetl.benchmarks.demo import demo as run_demo
        from edgetl.benchmarks.report.tables import print_measured
        from edgetl.edge.errors import quoted
        from edgetl.edge.sinks.text import percentages
    result = run_demo(options)
    print("held-out pictures, classified on the device runtime:")
    for path, predictions in result.classified:
        print(f"  {quoted(path.relative_to(result.pictures))}  {percentages(predictions)}")
    print()
    print_measured(result.measured)
    print()
    for name, path in (
        ("pictures", result.pictures),
        ("run", result.run.path),
        ("models", result.run.exports),
        ("report", result.report),
    ):
        print(f"{name:9} {quoted(path)}")


COMMAND = command(demo, epilog="Example: edgetl demo --out my-demo")
