"""A recording of the daemon's metrics, and what the shipped rules make of it.

`promtool test rules` evaluates the rules, `for` included; here its input is made and its answer read.
"""

import collections
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).parent.parent.parent
RULES = ROOT / "deploy" / "prometheus" / "rules" / "conformd.yml"

SAMPLE = re.compile(r"(\w+)\{(.*)\} (\S+) (\d+)\n")
# promtool's clock begins at 0, so moments become relative to the recording's beginning.
MOMENT = re.compile(r"_timestamp_seconds$|^process_start_time_seconds$")
CHECKED = re.compile(r'^\s+expr: "ALERTS.*", time: (\S+),', re.MULTILINE)
FIRED = re.compile(r"\{__name__=\"ALERTS\", (.*?)\} 1E\+00")
LABEL = re.compile(r'(\w+)="([^"]*)"')
DURATION = re.compile(r"(\d+)([hms])")

# Labels of ALERTS that say nothing of which alert it is.
PLAIN = {"alertname", "alertstate", "severity", "instance", "job"}


class Recording:
    """Samples by series, one a minute."""

    def __init__(self, path, wanted):
        """Reads the series whose names are among `wanted`."""
        samples = collections.defaultdict(dict)
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                # A cheap look first: most lines are of no interest.
                if line.partition("{")[0] in wanted:
                    name, labels, value, at = SAMPLE.fullmatch(line).groups()
                    samples[(name, labels)][int(at)] = float(value)
        moments = sorted({at for series in samples.values() for at in series})
        assert moments, f"{path} has no sample"
        self.start = moments[0]
        self.minutes = (moments[-1] - moments[0]) // 60
        assert moments == [self.start + 60 * minute for minute in range(self.minutes + 1)]
        self.samples = samples

    def inputs(self):
        """The series in promtool's notation."""
        for (name, labels), series in sorted(self.samples.items()):
            shift = self.start if MOMENT.search(name) else 0
            moments = (self.start + 60 * minute for minute in range(self.minutes + 1))
            values = [number(series[at], shift) if at in series else "_" for at in moments]
            yield f"{name}{{{labels}}}", " ".join(values)


def number(value, shift):
    """0 stays: a moment that has not come yet."""
    return f"{value - shift if value else 0:.3f}"


def names(rules):
    """The metrics that expressions of these rules ask for."""
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    return set(re.findall(r"\b(?:conformd|process)_\w+|\bup\b", " ".join(expressions)))


def fired(recording, scratch, rules=RULES):
    """When each alert fired: minutes by alert and labels, first and last of each time."""
    checks = [
        "   - {expr: 'ALERTS{alertstate=\"firing\"}', eval_time: %dm, exp_samples: []}\n" % minute
        for minute in range(recording.minutes + 1)
    ]
    series = [
        f"   - series: '{series}'\n     values: '{values}'\n" for series, values in recording.inputs()
    ]
    test = scratch / "recorded.yml"
    test.write_text(
        f"rule_files: ['{rules}']\nevaluation_interval: 1m\ntests:\n - interval: 1m\n"
        f"   input_series:\n{''.join(series)}   promql_expr_test:\n{''.join(checks)}"
    )
    # Nothing is expected anywhere, so that promtool tells of every minute in which something fired.
    told = subprocess.run(
        ["promtool", "test", "rules", test], capture_output=True, text=True, timeout=600
    )
    parts = CHECKED.split(told.stderr + told.stdout)
    minutes = collections.defaultdict(list)
    for time, text in zip(parts[1::2], parts[2::2]):
        found = FIRED.findall(text)
        assert found, f"promtool says something else at {time}: {text}"
        for labels in found:
            minutes[alert(dict(LABEL.findall(labels)))].append(minute_of(time))
    assert minutes or told.returncode == 0, told.stderr
    return {alert: spans(minutes) for alert, minutes in minutes.items()}


def alert(labels):
    """The alert with what tells it from others of its name."""
    own = [f"{name}={labels[name]}" for name in sorted(labels.keys() - PLAIN)]
    return " ".join([labels["alertname"], *own])


def minute_of(time):
    """`4h5m` as 245."""
    seconds = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * seconds[unit] for number, unit in DURATION.findall(time)) // 60


def spans(minutes):
    """Runs of consecutive minutes, as `4:05-4:10`."""
    runs = []
    for minute in sorted(minutes):
        if runs and minute == runs[-1][1] + 1:
            runs[-1][1] = minute
        else:
            runs.append([minute, minute])
    return [f"{clock(first)}-{clock(last)}" for first, last in runs]


def clock(minute):
    return f"{minute // 60}:{minute % 60:02}"
