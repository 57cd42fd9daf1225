"""Ansible callback: each host's tasks as lines of JSON into the pipe that `edgetl deploy` reads.

https://docs.ansible.com/ansible/latest/dev_guide/developing_plugins.html#callback-plugins
"""

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: edgetl_events
type: notification
short_description: tells edgetl deploy how each host is going
description: Writes a JSON object a line to the file descriptor that EDGETL_DEPLOY_EVENTS names.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "edgetl_events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._pipe = os.fdopen(int(os.environ["EDGETL_DEPLOY_EVENTS"]), "w", encoding="utf-8")

    def v2_runner_on_start(self, host, task):
        self._tell(host.get_name(), "start", task.get_name())

    def v2_runner_on_ok(self, result):
        facts = result._result.get("ansible_facts") or {}
        if "edgetl_report" in facts:
            self._tell(result._host.get_name(), "report", "", report=facts["edgetl_report"])
        elif result._result.get("changed"):
            self._tell(result._host.get_name(), "changed", result._task.get_name())

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if not ignore_errors:
            self._tell_why(result, "failed")

    def v2_runner_on_unreachable(self, result):
        self._tell_why(result, "unreachable")

    def _tell_why(self, result, kind):
        told = result._result
        lines = f"{told.get('stderr') or ''}".strip().splitlines()
        why = lines[-1] if lines else f"{told.get('msg') or 'it does not say why'}"
        self._tell(result._host.get_name(), kind, result._task.get_name(), why=why)

    def _tell(self, host, kind, task, **more):
        event = {"host": host, "kind": kind, "task": task.rpartition(" : ")[2], **more}
        self._pipe.write(json.dumps(event, default=str) + "\n")
        self._pipe.flush()
