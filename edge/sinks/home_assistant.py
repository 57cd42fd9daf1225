"""MQTT discovery, by which Home Assistant finds a sensor by itself.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
"""

import hashlib
import json
import re

from edgetl import __version__


def discovery(topic: str, *, availability: str) -> tuple[str, str]:
    """The topic and payload of a retained message: a sensor whose state is the label.

    Args:
        topic: where records are published as JSON.
        availability: where "online" and "offline" are.
    """
    unique = _unique_id(topic)
    # What Home Assistant allows behind "sensor."
    entity = re.sub(r"[^a-z0-9]+", "_", unique.lower()).strip("_")
    config = {
        "name": "Label",
        "unique_id": unique,
        "default_entity_id": f"sensor.{entity}",
        "state_topic": topic,
        "value_template": "{{ value_json.label }}",
        "json_attributes_topic": topic,
        "availability_topic": availability,
        "icon": "mdi:image-search",
        "device": {
            "identifiers": [unique],
            "name": topic.replace("/", " "),
            "manufacturer": "edgetl",
            "sw_version": __version__,
        },
        "origin": {"name": "edgetl", "sw_version": __version__},
    }
    return f"homeassistant/sensor/{unique}/config", json.dumps(config, ensure_ascii=False)


def _unique_id(topic: str) -> str:
    """An id of characters that discovery allows, unique to the topic."""
    # Here "_" stands for "/" only. Other topics lose characters: a digest keeps their ids unique.
    if re.fullmatch(r"[A-Za-z0-9-]+(/[A-Za-z0-9-]+)*", topic):
        return f"edgetl_{topic.replace('/', '_')}"
    readable = re.sub(r"[^A-Za-z0-9-]+", "_", topic).strip("_")
    digest = hashlib.sha256(topic.encode()).hexdigest()[:8]
    return "_".join(filter(None, ["edgetl", readable, digest]))
