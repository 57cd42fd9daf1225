"""To the device, and to fifty of them: Ansible with the role edgetl, and what came of it."""
