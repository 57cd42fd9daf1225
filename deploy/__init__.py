"""Models to devices, one or fifty, with Ansible and the role edgetl. See deploying.deploy."""
