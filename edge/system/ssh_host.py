"""How a machine is named that ssh reaches."""

# A user is one of useradd's, a host a name of DNS or of an inventory, or an IPv6 address in
# brackets: what else there is, ssh, a shell or Ansible's templates may take for something to run.
USER = r"\w[\w.+-]*\$?"
HOST = r"\[[0-9a-fA-F:.]+(?:%[\w.-]+)?\]|\w[\w.-]*"
