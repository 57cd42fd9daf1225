"""The answer of a process that tries something for the doctor.

Libraries print what they like, when they are loaded as at the process's end; none of it may come
between.
"""

import json
import os
from typing import Any


def only_answer() -> int:
    """Keep stdout for `give`: what is printed from now on, by native code too, goes nowhere."""
    answer = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answer


def give(answer: int, facts: dict[str, Any]) -> None:
    """Say `facts`, once; `answer` is of `only_answer`."""
    os.write(answer, json.dumps(facts).encode())
