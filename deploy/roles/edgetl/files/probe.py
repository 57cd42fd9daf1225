"""Run on the device as `python3 -c TEXT HOME SERVICE`: prints what is installed, changes nothing.

It must run on any Python 3, so that one that is too old can be named.
"""

import json
import os
import subprocess
import sys


def link(path):
    """The SHA-256 in the name of the model that `path` points to, "" if it points to none."""
    name = os.path.basename(os.readlink(path)) if os.path.islink(path) else ""
    return name[: -len(".tflite")] if os.path.exists(path) else ""


def receipt(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def version(python):
    """The edgetl that a virtual environment has, "" if it has none or no longer works."""
    code = "import edgetl; print(edgetl.__version__)"
    try:
        # -B: no bytecode may be written.
        return subprocess.check_output(
            [python, "-B", "-P", "-c", code], stderr=subprocess.DEVNULL, universal_newlines=True
        ).strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def has(module):
    try:
        __import__(module)
    except ImportError:
        return False
    return True


home = os.path.abspath(os.path.expanduser(sys.argv[1] or "~/.local/share/edgetl"))
models = os.path.join(home, "models")
print(
    json.dumps(
        {
            "python": "{}.{}.{}".format(*sys.version_info),
            "venv": has("venv") and has("ensurepip"),
            "root": os.geteuid() == 0,
            "home": home,
            "model": link(os.path.join(home, "model.tflite")),
            "previous": link(os.path.join(home, "previous.tflite")),
            "models": sorted(os.listdir(models)) if os.path.isdir(models) else [],
            "receipt": receipt(os.path.join(home, "venv", "edgetl-receipt.json")),
            "service": receipt(os.path.join(home, sys.argv[2] + "-receipt.json")),
            "edgetl": version(os.path.join(home, "venv", "bin", "python")),
        }
    )
)
