"""Ansible callback: each host's tasks as lines of JSON into the pipe that `edgetl deploy` reads.

https://docs.ansible.com/ansible/latest/dev_guide/developing_plugins.html#callback-plugins
"""

import json
import os

from ansible import context
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

    def v2_playbook_on_play_start(self, play):
        known = play.get_variable_manager().get_vars(play=play)
        self._tell(
            "",
            "play",
            "",
            hosts=known["ansible_play_hosts_all"],
            empty=[group for group, hosts in known["groups"].items() if not hosts],
        )

    def v2_runner_on_start(self, host, task):
        # Skipped tasks are told of too; what an include holds starts by itself, if at all.
        if not task.action.endswith("include_tasks") and not context.CLIARGS["check"]:
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
        # In a loop the cause is with its item.
        told = next((item for item in told.get("results") or [] if item.get("failed")), told)
        lines = f"{told.get('stderr') or ''}".strip().splitlines()
        # pip's errors are followed by hints.
        words = [line for line in lines if line.startswith("ERROR:")] or lines
        why = words[-1] if words else f"{told.get('msg') or 'it does not say why'}"
        why = " ".join(why.split())
        self._tell(result._host.get_name(), kind, result._task.get_name(), why=why)

    def _tell(self, host, kind, task, **more):
        event = {"host": host, "kind": kind, "task": task.rpartition(" : ")[2], **more}
        self._pipe.write(json.dumps(event, default=str) + "\n")
        self._pipe.flush()
