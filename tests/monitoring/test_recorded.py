"""The shipped rules, unmodified and with their long waits, over hours that were recorded.

What happens when is told by `tests/it/recorded/`: `mishaps.yaml`, `healthy.yaml` and `story.rs`. Every
alert that fires is expected here, to the minute; all others are silent throughout.
"""

import os
import pathlib

import yaml

import recording

DEAD = "ap-southeast-2"


def everywhere(alert, regions, *spans):
    """The same in each of these regions."""
    return {f"{alert} region={region}": list(spans) for region in regions}


EXPECTED = {
    # An account refuses a pack from the beginning, until it is put again at 7:45.
    "ConformdMembersFailing class=access_denied": ["1:02-8:10"],
    # Somebody else changes a pack at 0:16, which is seen at the next reconciliation.
    "ConformdForeignChange": ["0:21-1:20"],
    # A manifest is misspelt from 0:30 to 1:00.
    "ConformdManifestsInvalid": ["0:41-1:05"],
    # Two accounts join without recorder at 0:28 and 0:31. The first gets one at 5:40 (the dead region
    # cannot be asked for it from 5:05 on), the second at 7:40, nine minutes after AWS gave it up.
    "ConformdRecordersNotRecording": ["1:32-7:55"],
    "ConformdDeadlineNear": ["4:34-7:36"],
    "ConformdDeadlineImminent": ["6:32-7:36"],
    "ConformdDeadlineMissed": ["7:32-7:55"],
    # Most manifests are away from 1:35 to 2:15; two are removed at 8:15 and approved at 8:25.
    "ConformdGuardTripped reason=overlap": ["1:36-2:20"],
    "ConformdGuardTripped reason=ratio": ["1:36-2:20", "8:16-8:30"],
    "ConformdPacksDeleted": ["8:31-8:45"],
    # A pack is changed at 3:10; AWS refuses it for as long as it tries the new accounts, and then
    # it waits for the source, which is back at 7:45.
    "ConformdPackOutOfSync pack=iam-baseline": ["5:26-7:45"],
    # The source is away from 3:30 to 7:45.
    "ConformdSourceStale": ["3:50-7:45"],
    "ConformdSourceLost": ["7:35-7:45"],
    # A region is throttled from 4:00, denied from 4:50 and back at 6:00.
    **everywhere("ConformdAwsThrottled", [DEAD], "4:20-5:08"),
    **everywhere("ConformdRegionStale", [DEAD], "4:36-6:00"),
    **everywhere("ConformdRegionBlocked reason=denied", [DEAD], "5:01-6:05"),
}


def fired(name, scratch):
    """When each alert fired over a recording, and its last minute."""
    rules = yaml.safe_load(recording.RULES.read_text())
    recorded = recording.Recording(pathlib.Path(os.environ[name]), recording.names(rules))
    fired = recording.fired(recorded, scratch)
    # The service tells nothing here: only AWS Config is throttled.
    fired = {alert.replace(" service=config", ""): spans for alert, spans in fired.items()}
    return fired, recording.clock(recorded.minutes)


def test_over_nine_hours_of_mishaps_exactly_these_alerts_fire_and_resolve(tmp_path):
    alerts, last = fired("CONFORMD_RECORD", tmp_path)
    assert [alert for alert, spans in alerts.items() if spans[-1].endswith(f"-{last}")] == []
    assert alerts == EXPECTED


def test_over_six_healthy_hours_with_starts_and_slow_roll_outs_no_alert_fires(tmp_path):
    alerts, _ = fired("CONFORMD_RECORD_HEALTHY", tmp_path)
    assert alerts == {}
