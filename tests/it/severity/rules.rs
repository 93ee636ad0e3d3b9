//! The alert rules over samples of the metrics, as Prometheus evaluates them: each is read from the
//! scraped series, with its window and its `for`. `deploy/prometheus/rules` has the expressions;
//! `.ci/run alerts` tests those.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A scrape: values by series, and its moment in seconds.
#[derive(Debug, Clone)]
pub(crate) struct Scrape {
    pub(crate) at: f64,
    pub(crate) series: BTreeMap<String, f64>,
}

/// The last hours of scrapes, one a minute.
#[derive(Debug, Default)]
pub(crate) struct Past(VecDeque<Scrape>);

/// Six hours and a bit.
const KEPT: usize = 370;

impl Past {
    pub(crate) fn take(&mut self, scrape: Scrape) {
        self.0.push_back(scrape);
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    fn now(&self) -> f64 {
        self.0.back().unwrap().at
    }

    fn within(&self, minutes: usize) -> impl Iterator<Item = &Scrape> {
        self.0.iter().rev().take(minutes + 1).rev()
    }

    /// The greatest value of a family in one scrape, by the labels that are asked for.
    fn at(scrape: &Scrape, family: &str, fits: &str, by: &[&str]) -> BTreeMap<String, f64> {
        let mut most: BTreeMap<String, f64> = BTreeMap::new();
        let from = scrape.series.range(family.to_owned()..);
        for (series, value) in from.take_while(|(series, _)| series.starts_with(family)) {
            let Some(labels) = series.strip_prefix(family) else { continue };
            let is_family = labels.is_empty() || labels.starts_with('{');
            if is_family && labels.contains(fits) {
                let key = by.iter().map(|label| of(labels, label)).collect::<Vec<_>>();
                let known = most.entry(key.join(" ")).or_insert(*value);
                *known = known.max(*value);
            }
        }
        most
    }

    /// The greatest values within a window.
    fn max(&self, family: &str, fits: &str, by: &[&str], minutes: usize) -> BTreeMap<String, f64> {
        Self::max_of(self.within(minutes), family, fits, by)
    }

    fn max_of<'s>(
        scrapes: impl Iterator<Item = &'s Scrape>,
        family: &str,
        fits: &str,
        by: &[&str],
    ) -> BTreeMap<String, f64> {
        let mut most: BTreeMap<String, f64> = BTreeMap::new();
        for scrape in scrapes {
            for (key, value) in Self::at(scrape, family, fits, by) {
                let known = most.entry(key).or_insert(value);
                *known = known.max(value);
            }
        }
        most
    }

    /// The last values within a window.
    fn last(&self, family: &str, fits: &str, by: &[&str], minutes: usize) -> BTreeMap<String, f64> {
        let scrapes = self.within(minutes);
        scrapes.flat_map(|scrape| Self::at(scrape, family, fits, by)).collect()
    }

    /// How much counters grew; a restart begins at zero.
    fn increase(
        &self,
        family: &str,
        fits: &[&str],
        by: &[&str],
        minutes: usize,
    ) -> BTreeMap<String, f64> {
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        let scrapes: Vec<&Scrape> = self.within(minutes).collect();
        for pair in scrapes.windows(2) {
            let [before, after] = pair else { continue };
            let from = after.series.range(family.to_owned()..);
            for (series, value) in from.take_while(|(series, _)| series.starts_with(family)) {
                let labels = series.strip_prefix(family).unwrap_or_default();
                if fits.iter().any(|fit| labels.contains(fit)) {
                    let grown = value - before.series.get(series).copied().unwrap_or(0.0);
                    let grown = if grown < 0.0 { *value } else { grown };
                    let key = by.iter().map(|label| of(labels, label)).collect::<Vec<_>>();
                    *sums.entry(key.join(" ")).or_default() += grown;
                }
            }
        }
        sums
    }

    fn interval(&self, name: &str) -> f64 {
        let all = self.max("conformd_interval_seconds", &format!("loop=\"{name}\""), &[], 0);
        all.into_values().fold(0.0, f64::max)
    }
}

fn of(labels: &str, name: &str) -> String {
    let rest = labels.split(&format!("{name}=\"")).nth(1).unwrap_or_default();
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn above(values: BTreeMap<String, f64>, limit: f64) -> BTreeSet<String> {
    values.into_iter().filter(|(_, value)| *value > limit).map(|(key, _)| key).collect()
}

/// A rule: for how many minutes it must hold, how many minutes it looks back, and where it holds.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) lasts: usize,
    pub(crate) window: usize,
    pub(crate) holds: fn(&Past) -> BTreeSet<String>,
}

fn stale(past: &Past, family: &str, by: &[&str], limit: f64) -> BTreeSet<String> {
    let newest = past.max(family, "", by, 15);
    newest.into_iter().filter(|(_, at)| past.now() - at > limit).map(|(key, _)| key).collect()
}

fn near(past: &Past, seconds: f64) -> BTreeSet<String> {
    let deadlines =
        past.last("conformd_new_account_deadline_timestamp_seconds", "", &["region"], 5);
    let near = deadlines.into_iter().filter(|(_, at)| at - past.now() < seconds);
    near.map(|(region, _)| region).collect()
}

const SOURCE: &str = "conformd_source_last_success_timestamp_seconds";
const READ: &str = "conformd_reconcile_last_success_timestamp_seconds";
const ACCOUNTS: &str = "conformd_pack_accounts";
const REQUESTS: &str = "conformd_aws_requests_total";
const PACK: &[&str] = &["region", "pack"];

/// Whether so large a share of the requests to a region ended like this.
fn share(past: &Past, results: &[&str], minutes: usize) -> BTreeSet<String> {
    let mut bad = past.increase(REQUESTS, results, &["region"], minutes);
    bad.retain(|_, bad| *bad > 0.0);
    if bad.is_empty() {
        return BTreeSet::new();
    }
    let all = past.increase(REQUESTS, &["{"], &["region"], minutes);
    let is_many = |region: &String, bad: f64| bad > 0.05 * all[region];
    bad.into_iter().filter(|(region, bad)| is_many(region, *bad)).map(|(key, _)| key).collect()
}

const NO_ANSWER: &[&str] = &[
    "result=\"server\"",
    "result=\"timeout\"",
    "result=\"unreachable\"",
    "result=\"broken_answer\"",
];

fn blocked(past: &Past) -> BTreeSet<String> {
    above(past.max("conformd_region_blocked", "", &["region"], 60), 0.0)
}

/// Every rule about the organization whose severity is above info. Those about the process itself
/// are not here: whether it runs, hangs, restarts or takes new settings.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "ConformdClockSkew",
        lasts: 10,
        window: 0,
        holds: |past| {
            let skew = past.max("conformd_aws_clock_skew_seconds", "", &[], 0);
            above(skew.into_iter().map(|(key, skew)| (key, skew.abs())).collect(), 60.0)
        },
    },
    Rule {
        name: "ConformdSourceStale",
        lasts: 5,
        window: 15,
        holds: |past| stale(past, SOURCE, &[], 15.0 * past.interval("source")),
    },
    Rule {
        name: "ConformdSourceLost",
        lasts: 5,
        window: 15,
        holds: |past| stale(past, SOURCE, &[], 14_400.0),
    },
    Rule {
        name: "ConformdManifestsInvalid",
        lasts: 10,
        window: 5,
        holds: |past| above(past.max("conformd_manifests", "state=\"invalid\"", &[], 5), 0.0),
    },
    Rule {
        name: "ConformdSuspendedTooLong",
        lasts: 1_440,
        window: 15,
        holds: |past| above(past.max("conformd_suspended", "", &["scope"], 15), 0.0),
    },
    Rule {
        name: "ConformdRegionStale",
        lasts: 5,
        window: 15,
        holds: |past| stale(past, READ, &["region"], 3.0 * past.interval("region")),
    },
    Rule {
        name: "ConformdAllRegionsStale",
        lasts: 5,
        window: 15,
        holds: |past| stale(past, READ, &[], 3.0 * past.interval("region")),
    },
    Rule {
        name: "ConformdRegionBlocked",
        lasts: 10,
        window: 5,
        holds: |past| above(past.max("conformd_region_blocked", "", &["region", "reason"], 5), 0.0),
    },
    Rule {
        name: "ConformdPackOutOfSync",
        lasts: 120,
        window: 15,
        holds: |past| {
            let synced = past.max("conformd_pack_synced", "", PACK, 15);
            let guarded = above(past.max("conformd_guard_tripped", "", &["region"], 15), 0.0);
            let is_behind = |key: &str, synced: f64| {
                let region = key.split(' ').next().unwrap_or_default();
                synced == 0.0 && !guarded.contains(region)
            };
            let behind = synced.into_iter().filter(|(key, synced)| is_behind(key, *synced));
            behind.map(|(key, _)| key).collect()
        },
    },
    Rule {
        name: "ConformdPackConflict",
        lasts: 5,
        window: 15,
        holds: |past| above(past.max("conformd_pack_conflicts", "", &["pack"], 15), 0.0),
    },
    Rule {
        name: "ConformdForeignChange",
        lasts: 0,
        window: 60,
        holds: |past| {
            above(past.increase("conformd_foreign_changes_total", &["{"], &["region"], 60), 0.0)
        },
    },
    Rule {
        name: "ConformdPackQuotaNear",
        lasts: 60,
        window: 15,
        holds: |past| {
            let quota = past.max("conformd_pack_quota", "", &["region"], 0);
            let packs = past.max("conformd_packs_observed", "", &["region"], 15);
            let near = packs.into_iter().filter(|(region, packs)| packs / quota[region] > 0.9);
            near.map(|(region, _)| region).collect()
        },
    },
    Rule {
        name: "ConformdRolloutStuck",
        lasts: 30,
        window: 15,
        holds: |past| {
            let last = past.last("conformd_pack_last_update_timestamp_seconds", "", PACK, 15);
            let busy = above(past.last(ACCOUNTS, "status=\"in_progress\"", PACK, 15), 0.0);
            let is_old = |key: &String| last.get(key).is_some_and(|at| past.now() - at > 43_200.0);
            busy.into_iter().filter(is_old).collect()
        },
    },
    Rule {
        name: "ConformdMembersFailing",
        lasts: 60,
        window: 15,
        holds: |past| above(past.max("conformd_failed_accounts", "", &["class"], 15), 0.0),
    },
    Rule {
        name: "ConformdMembersFailingWidely",
        lasts: 30,
        window: 15,
        holds: |past| {
            let failed = past.last(ACCOUNTS, "status=\"failed\"", PACK, 15);
            let mut all = BTreeMap::new();
            for status in ["ok", "in_progress", "failed", "missing", "waiting"] {
                for (key, count) in past.last(ACCOUNTS, &format!("status=\"{status}\""), PACK, 15) {
                    *all.entry(key).or_insert(0.0) += count;
                }
            }
            let widely = failed
                .into_iter()
                .filter(|(key, failed)| *failed >= 5.0 && failed / all[key] > 0.05);
            widely.map(|(key, _)| key).collect()
        },
    },
    Rule {
        name: "ConformdMembersMissing",
        lasts: 120,
        window: 15,
        holds: |past| above(past.max(ACCOUNTS, "status=\"missing\"", PACK, 15), 0.0),
    },
    Rule {
        name: "ConformdResyncStale",
        lasts: 120,
        window: 15,
        holds: |past| {
            let limit = 2.0 * past.interval("full_resync") + 3_600.0;
            let family = "conformd_resync_last_success_timestamp_seconds";
            let newest = past.max(family, "kind=\"full\"", &["region"], 15);
            let old = newest.into_iter().filter(|(_, at)| past.now() - at > limit);
            old.map(|(region, _)| region).collect()
        },
    },
    Rule { name: "ConformdDeadlineNear", lasts: 5, window: 5, holds: |past| near(past, 10_800.0) },
    Rule {
        name: "ConformdDeadlineImminent",
        lasts: 0,
        window: 5,
        holds: |past| near(past, 3_600.0),
    },
    Rule {
        name: "ConformdDeadlineMissed",
        lasts: 0,
        window: 15,
        holds: |past| {
            let (fits, by) = ("phase=\"missed\"", &["region"]);
            let four_hours_ago = past.0.iter().rev().skip(240).take(16);
            let before = Past::max_of(four_hours_ago, "conformd_new_accounts", fits, by);
            let missed = past.max("conformd_new_accounts", fits, by, 15);
            let fresh = missed.into_iter().map(|(region, count)| {
                let known = before.get(&region).copied().unwrap_or(0.0);
                (region, count - known)
            });
            above(fresh.collect(), 0.0)
        },
    },
    Rule {
        name: "ConformdRedeployDue",
        lasts: 180,
        window: 15,
        holds: |past| {
            above(past.max("conformd_new_accounts", "phase=\"late\"", &["region"], 15), 0.0)
        },
    },
    Rule {
        name: "ConformdOrganizationStale",
        lasts: 5,
        window: 15,
        holds: |past| {
            let family = "conformd_organization_last_success_timestamp_seconds";
            let read = above(past.max(family, "", &[], 15), 0.0);
            let old = stale(past, family, &[], 3_600.0);
            old.into_iter().filter(|key| read.contains(key)).collect()
        },
    },
    Rule {
        name: "ConformdOrganizationShrank",
        lasts: 15,
        window: 360,
        holds: |past| {
            let active = |minutes| past.max("conformd_accounts", "state=\"active\"", &[], minutes);
            let before = active(360);
            let shrunk = active(0).into_iter().filter(|(key, now)| *now < 0.9 * before[key]);
            shrunk.map(|(key, _)| key).collect()
        },
    },
    Rule {
        name: "ConformdRecordersNotRecording",
        lasts: 60,
        window: 15,
        holds: |past| {
            let states = ["stopped", "failing", "missing"];
            let of = |state: &str| {
                let fits = format!("state=\"{state}\"");
                above(past.max("conformd_recorder_accounts", &fits, &["region"], 15), 0.0)
            };
            states.into_iter().flat_map(of).collect()
        },
    },
    Rule {
        name: "ConformdRecordersUnknown",
        lasts: 360,
        window: 15,
        holds: |past| {
            let fits = "state=\"unknown\"";
            above(past.max("conformd_recorder_accounts", fits, &["region"], 15), 0.0)
        },
    },
    Rule {
        name: "ConformdGuardTripped",
        lasts: 0,
        window: 5,
        holds: |past| above(past.max("conformd_guard_tripped", "", &["region", "reason"], 5), 0.0),
    },
    Rule {
        name: "ConformdApprovalPending",
        lasts: 1_440,
        window: 15,
        holds: |past| above(past.max("conformd_guard_tripped", "", &[], 15), 0.0),
    },
    Rule {
        name: "ConformdUndeclaredPacks",
        lasts: 60,
        window: 15,
        holds: |past| above(past.max("conformd_steps_held", "reason=\"undeclared\"", &[], 15), 0.0),
    },
    Rule {
        name: "ConformdRecordUnusable",
        lasts: 10,
        window: 5,
        holds: |past| {
            let usable = past.max("conformd_record_usable", "", &[], 5);
            let modes = ["mode=\"upsert\"", "mode=\"sync\""];
            let may_write = |mode| !above(past.max("conformd_mode", mode, &[], 0), 0.0).is_empty();
            let unusable = usable.into_iter().filter(|(_, usable)| *usable == 0.0);
            unusable.filter(|_| modes.into_iter().any(may_write)).map(|(key, _)| key).collect()
        },
    },
    Rule {
        name: "ConformdCredentialsRefused",
        lasts: 5,
        window: 5,
        holds: |past| {
            let fits = "reason=\"credentials\"";
            above(past.max("conformd_region_blocked", fits, &["region"], 5), 0.0)
        },
    },
    Rule {
        name: "ConformdAwsThrottled",
        lasts: 15,
        window: 30,
        holds: |past| {
            let many = past.increase(REQUESTS, &["result=\"throttled\""], &["region"], 30);
            let many = above(many, 4.0);
            if many.is_empty() {
                return many;
            }
            let share = share(past, &["result=\"throttled\""], 30);
            share.into_iter().filter(|region| many.contains(region)).collect()
        },
    },
    Rule {
        name: "ConformdAwsAccessDenied",
        lasts: 15,
        window: 60,
        holds: |past| {
            let fits = ["result=\"denied\"", "result=\"not_delegated\""];
            let by = &["region", "operation"];
            let denied = above(past.increase(REQUESTS, &fits, by, 60), 1.5);
            let blocked = blocked(past);
            let is_other = |key: &String| {
                let (region, operation) = key.split_once(' ').unwrap();
                let is_probe = operation == "AssumeRole"
                    || operation.starts_with("DescribeConfigurationRecorder");
                !is_probe && !blocked.contains(region)
            };
            denied.into_iter().filter(is_other).collect()
        },
    },
    Rule {
        name: "ConformdAwsErrors",
        lasts: 5,
        window: 60,
        holds: |past| {
            let many = above(past.increase(REQUESTS, NO_ANSWER, &["region"], 30), 4.0);
            if many.is_empty() {
                return many;
            }
            let (hour, half) = (share(past, NO_ANSWER, 60), share(past, NO_ANSWER, 30));
            let blocked = blocked(past);
            let is_other = |region: &String| {
                many.contains(region) && half.contains(region) && !blocked.contains(region)
            };
            hour.into_iter().filter(is_other).collect()
        },
    },
];

/// Rules about the process, which no status of an organization can show.
pub(crate) const ABOUT_THE_PROCESS: &[&str] = &[
    "ConformdAbsent",
    "ConformdConfigReloadFailed",
    "ConformdDown",
    "ConformdMemoryHigh",
    "ConformdRestarting",
    "ConformdTaskPanicked",
    "ConformdTaskStalled",
];
