"""The shipped rules and configurations, with time that runs sixty times as fast and nothing else changed."""

import copy
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).parent.parent.parent
SHIPPED = ROOT / "deploy" / "prometheus"

FACTOR = 60
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
RANGE = re.compile(r"\[(\d+)([smhd])\]")
# Ranges of 5 minutes become 5 seconds: several scrapes fit in, and each may take a second under load.
SCRAPE, EVALUATION = "2s", "1s"


def divided(duration):
    """`1h` as `60000ms`."""
    return f"{int(duration[:-1]) * UNITS[duration[-1]] * 1000 // FACTOR}ms"


def rules():
    """The rules with every `for` and every range divided."""
    shipped = yaml.safe_load((SHIPPED / "rules" / "conformd.yml").read_text())
    fast = copy.deepcopy(shipped)
    for rule in each(fast):
        rule["expr"] = RANGE.sub(lambda found: f"[{divided(found[0][1:-1])}]", rule["expr"])
        if "for" in rule:
            rule["for"] = divided(rule["for"])
    assert timeless(fast) == timeless(shipped), "something else was changed"
    for rule, original in zip(each(fast), each(shipped)):
        assert times(rule) == [time / FACTOR for time in times(original)], rule["alert"]
    return fast


def each(rules):
    return [rule for group in rules["groups"] for rule in group["rules"]]


def timeless(rules):
    """The rules without ranges and waits."""
    rules = copy.deepcopy(rules)
    for rule in each(rules):
        rule["expr"] = re.sub(r"\[\w+\]", "[]", rule["expr"])
        rule.pop("for", None)
    return rules


def times(rule):
    """Every range and wait of a rule, in seconds."""
    found = re.findall(r"\[(\w+)\]", rule["expr"]) + [rule.get("for", "0s")]
    return [seconds(duration) for duration in found]


def seconds(duration):
    if duration.endswith("ms"):
        return int(duration[:-2]) / 1000
    return int(duration[:-1]) * UNITS[duration[-1]]


def prometheus(rule_file, target, alertmanager):
    """`prometheus.yml` with these places."""
    config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
    assert config["global"] == {"scrape_interval": "30s", "evaluation_interval": "30s"}
    config["global"] = {"scrape_interval": SCRAPE, "evaluation_interval": EVALUATION}
    config["rule_files"] = [str(rule_file)]
    [job] = config["scrape_configs"]
    [job["static_configs"][0]["targets"]] = [[target]]
    [peer] = config["alerting"]["alertmanagers"]
    peer["static_configs"][0]["targets"] = [alertmanager]
    return config


def alertmanager(webhook):
    """`alertmanager.yml` whose receivers are this webhook; its waits are divided as well."""
    config = yaml.safe_load((SHIPPED / "alertmanager.yml").read_text())
    hasten(config["route"])
    for receiver in config["receivers"]:
        for hook in receiver.get("webhook_configs", []):
            hook["url"] = f"http://{webhook}/{receiver['name']}"
    return config


def hasten(route):
    for wait in ("group_wait", "group_interval", "repeat_interval"):
        if wait in route:
            route[wait] = divided(route[wait])
    for inner in route.get("routes", []):
        hasten(inner)
