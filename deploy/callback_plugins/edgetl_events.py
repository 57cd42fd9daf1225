"""Ansible callback: writes each host's tasks as JSON lines to the pipe that `edgetl deploy` reads.

https://docs.ansible.com/ansible/latest/dev_guide/developing_plugins.html#callback-plugins
"""

import json
import os

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: edgetl_events
type: notification
short_description: reports the progress of each host to edgetl deploy
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
        empty = [group for group, hosts in known["groups"].items() if not hosts]
        self._send("", "play", "", hosts=known["ansible_play_hosts_all"], empty=empty)

    def v2_runner_on_start(self, host, task):
        # Skipped tasks start, too; those of an include start by themselves, if at all.
        if not task.action.endswith("include_tasks") and not context.CLIARGS["check"]:
            self._send(host.get_name(), "start", task.get_name())

    def v2_runner_on_ok(self, result):
        facts = result._result.get("ansible_facts") or {}
        if "edgetl_report" in facts:
            self._send(result._host.get_name(), "report", "", report=facts["edgetl_report"])
        elif result._result.get("changed"):
            self._send(result._host.get_name(), "changed", result._task.get_name())

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if not ignore_errors:
            self._send_failure(result, "failed")

    def v2_runner_on_unreachable(self, result):
        self._send_failure(result, "unreachable")

    def _send_failure(self, result, kind):
        found = result._result
        # In a loop the reason is with its item.
        found = next((item for item in found.get("results") or [] if item.get("failed")), found)
        lines = f"{found.get('stderr') or ''}".strip().splitlines()
        # pip's errors are followed by hints.
        errors = [line for line in lines if line.startswith("ERROR:")] or lines
        why = errors[-1] if errors else f"{found.get('msg') or 'no reason given'}"
        why = " ".join(why.split())
        self._send(result._host.get_name(), kind, result._task.get_name(), why=why)

    def _send(self, host, kind, task, **more):
        event = {"host": host, "kind": kind, "task": task.rpartition(" : ")[2], **more}
        self._pipe.write(json.dumps(event, default=str) + "\n")
        self._pipe.flush()
