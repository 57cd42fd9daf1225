"""How Home Assistant learns of a sensor by itself: MQTT discovery.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
"""

import json
import re

from edge import __version__

_PREFIX = "homeassistant"


def discovery(topic: str, *, availability: str) -> tuple[str, str]:
    """The topic and payload, to be retained, that announce a sensor whose state is the label.

    Args:
        topic: where records are published as JSON.
        availability: where "online" and "offline" are.
    """
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", topic)
    unique = f"edgetl_{name}"
    config = {
        "name": "Label",
        "unique_id": unique,
        "object_id": unique,
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
    return f"{_PREFIX}/sensor/{unique}/config", json.dumps(config, ensure_ascii=False)
