"""The URL of a broker and a topic, and the sensor that Home Assistant finds for a topic."""

import json
import re

import pytest

from edgetl.edge.errors import SettingError
from edgetl.edge.sinks.home_assistant import discovery
from edgetl.edge.sinks.mqtt_url import Broker, parse_mqtt_url

ALLOWED_IN_DISCOVERY = re.compile(r"homeassistant/sensor/[A-Za-z0-9_-]+/config")
ENTITY_ID = re.compile(r"sensor\.[a-z0-9]+(_[a-z0-9]+)*")


def test_each_topic_is_a_sensor_of_its_own() -> None:
    topics = [
        "a/b", "a_b", "a b", "a//b", "A/b", "a-b", "flur/ä", "flur/ö", "flur", "flur/_", "门/前",
        "门/后", "_", "__",
    ]  # fmt: skip
    announced = [discovery(topic, availability=f"{topic}/availability") for topic in topics]
    configs = [json.loads(payload) for _, payload in announced]
    assert len({where for where, _ in announced}) == len(topics)
    assert len({config["unique_id"] for config in configs}) == len(topics)
    assert len({tuple(config["device"]["identifiers"]) for config in configs}) == len(topics)
    assert all(ALLOWED_IN_DISCOVERY.fullmatch(where) for where, _ in announced)
    assert all(ENTITY_ID.fullmatch(config["default_entity_id"]) for config in configs)
    assert "object_id" not in configs[0]
    assert configs[0]["unique_id"] == "edgetl_a_b"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://host/a", Broker("host", 1883, "a")),
        ("mqtts://host/a/b/", Broker("host", 8883, "a/b", tls=True)),
        ("mqtt://u@host:18/a%20b", Broker("host", 18, "a b", user="u", password="env")),
        ("mqtt://u%40x:p%3Aw@[::1]/a", Broker("::1", 1883, "a", user="u@x", password="p:w")),
    ],
)
def test_an_address_names_a_broker_and_a_topic(url: str, expected: Broker) -> None:
    assert parse_mqtt_url(url, password="env") == expected


@pytest.mark.parametrize(
    "url",
    ["", "host/a", "http://host/a", "mqtt://:secret@/a", "mqtt://u:secret@host", "mqtt://host/",
     "mqtt://u:secret@host/a/#", "mqtt://u:secret@host/+/a", "mqtt://u:secret@host:99999/a",
     "mqtt://u:secret@host:0/a", "mqtt://u:secret@host/a?b", f"mqtt://u:secret@{'h' * 70}.de/a",
     "mqtt://u:secret#x@host/a", "mqtt://u:secret/x@host/a", "mqtt://u:secret@host/\udce9"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(SettingError, match=r"^--mqtt: .*give it like mqtt://user@host") as caught:
        parse_mqtt_url(url)
    assert "secret" not in str(caught.value)


def test_a_broker_is_shown_without_its_password() -> None:
    broker = parse_mqtt_url("mqtts://u:secret@[::1]/a")
    assert broker.name == "mqtts://[::1]:8883/a"
    assert "secret" not in repr(broker)
