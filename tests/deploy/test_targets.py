from pathlib import Path

import pytest

from edgetl.deploy.targets import targets
from edgetl.edge.errors import SettingError


def test_addresses_become_an_inventory_and_are_named_as_typed() -> None:
    chosen = targets(["pi@10.0.0.5:2222", "kiosk.local", "[fe80::1]:22"], None)
    hosts = chosen.inventory["edgetl_targets"]["hosts"]
    assert hosts["pi_10.0.0.5_2222"] == {
        "ansible_host": "10.0.0.5",
        "ansible_user": "pi",
        "ansible_port": 2222,
    }
    assert hosts["kiosk.local"] == {"ansible_host": "kiosk.local"}
    assert "fe80::1" in [host["ansible_host"] for host in hosts.values()]
    assert chosen.typed["pi_10.0.0.5_2222"] == "pi@10.0.0.5:2222"
    assert set(chosen.pattern.split(":")) == set(hosts)


def test_names_and_groups_of_an_inventory_are_left_to_ansible(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.touch()
    chosen = targets(["doors", "pi@10.0.0.5"], inventory)
    assert chosen.pattern == "doors:pi_10.0.0.5"
    assert set(chosen.inventory["edgetl_targets"]["hosts"]) == {"pi_10.0.0.5"}
    assert targets([], inventory).pattern == "all"


def test_names_that_people_give_devices_are_hosts() -> None:
    names = ["pi-1.local", "door_2", "müller.local", "svc$@h", "a.b+c@h", "[fe80::1%eth0]:22"]
    assert len(targets(names, None).names) == len(names)


@pytest.mark.parametrize(
    "host",
    [
        "a b", "-oProxyCommand=x", "a,b", "pi@", "host:port", "host:0", "host:65536", "$(id)",
        "{{lookup('pipe','id')}}@host", "{{lookup('pipe','id')}}", "pi@{{lookup('pipe','id')}}",
        "pi`id`@host", "-oProxyCommand=id@host", "pi@-oProxyCommand=id", "pi;id@host", "a\nb",
        "host:[0-9]", "~host", "!host", "host*", "[fe80::1%{{x}}]",
    ],
)  # fmt: skip
def test_an_invalid_host_is_refused(host: str) -> None:
    with pytest.raises(SettingError, match="is not a HOST"):
        targets([host], None)


def test_no_device_at_all() -> None:
    with pytest.raises(SettingError, match="no device named"):
        targets([], None)


def test_an_inventory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no such file"):
        targets([], tmp_path / "hosts.yml")
