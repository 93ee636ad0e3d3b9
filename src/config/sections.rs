//! The shape of the settings: sections, fields, and their valid values.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use super::fields::{SettingsReader, parsed, shown, text};
use super::values::{
    Aws, Backoff, Config, Endpoint, Http, IntervalSettings, RateLimits, RecorderProbe,
    SourceLocation, StaticCredentials, TemplateBucket,
};
use crate::domain::base::code;
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountId, Installation, Region};
use crate::domain::base::partition::UnknownRegion;
use crate::domain::base::untrusted::veiled;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::snapshot::Absence;
use crate::domain::declared::yaml::tree::YamlNode;
use crate::domain::plan::guard;
use crate::domain::plan::redeploy::{AfterDeadline, Redeploy};
use crate::domain::present::iam_policy::{ExternalId, RoleName};

/// The shortest period of anything: less would keep a core busy without seeing more.
const PERIOD_MIN: Duration = Duration::from_secs(1);

/// The shortest period of what asks AWS: its answers lag by that much anyway.
const PERIOD_MIN_AWS: Duration = Duration::from_secs(30);

/// The longest period: a week unknown is a daemon that does nothing.
const PERIOD_MAX: Duration = Duration::from_hours(7 * 24);

/// How often a member's recorder may be probed again: often enough to observe one within the retry
/// window of 7 hours, and not so often that many new accounts keep other accounts from being
/// probed.
const PROBE_INTERVAL: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(1);

/// A probe every ten minutes observes a recorder long before the retry window ends.
const PROBE_DEFAULT: Duration = Duration::from_mins(10);

/// Time between redeployments: a shorter one would put packs again that are still being deployed.
const REDEPLOY_COOLDOWN: RangeInclusive<Duration> =
    Duration::from_mins(15)..=Duration::from_hours(24);

/// How long the record keeps history: longer than the 24 hours in which losses count, by any clock;
/// a quarter is what audits ask for.
const RECORD_RETENTION: RangeInclusive<Duration> =
    Duration::from_hours(2 * 24)..=Duration::from_hours(3_650 * 24);
const RECORD_RETENTION_DEFAULT: Duration = Duration::from_hours(90 * 24);

/// How many labels of manifests metrics may show: each is a label of every alert on a pack.
const LABEL_KEYS_MAX: usize = 5;

/// The whole file.
pub(super) fn config(root: &YamlNode, base: &Path, findings: &mut Findings<'_>) -> Option<Config> {
    let known = [
        "installation",
        "mode",
        "aws",
        "source",
        "intervals",
        "guard",
        "limits",
        "templates",
        "recorderProbe",
        "redeploy",
        "stateDirectory",
        "record",
        "metrics",
        "http",
    ];
    let top = SettingsReader::of(root, "", &known, findings)?;
    let installation = top.parsed("installation", Installation::EXPECTED, findings);
    let mode = top.parsed("mode", Mode::EXPECTED, findings);
    let aws = top.require("aws", "a mapping with expectedAccountId and regions", findings);
    // Errors of the section must not hide that AWS is simulated, where short intervals are right.
    let endpoint = aws.and_then(|node| node.mapping()?.get("endpoint"));
    let real = endpoint.is_none_or(YamlNode::is_null);
    let aws = aws.and_then(|node| aws_section(node, findings));
    let source = top.require("source", "a mapping with the directory of the manifests", findings);
    let source = source.and_then(|node| source_section(node, base, findings));
    let intervals = top.get("intervals").and_then(|node| intervals_section(node, real, findings));
    let guard = top.get("guard").and_then(|node| guard_section(node, findings));
    let limits = top.get("limits").and_then(|node| limits_section(node, findings));
    let templates = top.get("templates").and_then(|node| templates_section(node, findings));
    let (templates, remediations) = templates.unwrap_or_default();
    let recorder_probe = top.get("recorderProbe").and_then(|node| probe_section(node, findings));
    let redeploy = top.get("redeploy").and_then(|node| redeploy_section(node, findings));
    let state_directory = top.text("stateDirectory", findings).map(|path| base.join(path));
    let record = top.get("record").and_then(|node| record_section(node, findings));
    let metrics = top.get("metrics").and_then(|node| metrics_section(node, findings));
    let http = top.get("http").and_then(|node| http_section(node, base, findings));
    Some(Config {
        installation: installation?,
        mode: mode?,
        aws: aws?,
        source: source?,
        intervals: intervals.unwrap_or_default(),
        guard: guard.unwrap_or_default(),
        limits: limits.unwrap_or_default(),
        recorder_probe,
        redeploy: redeploy.unwrap_or_default(),
        templates,
        remediations,
        state_directory,
        record_retention: record.unwrap_or(RECORD_RETENTION_DEFAULT),
        pack_labels: metrics.unwrap_or_default(),
        http: http.unwrap_or_default(),
    })
}

fn aws_section(node: &YamlNode, findings: &mut Findings<'_>) -> Option<Aws> {
    let known = ["profile", "expectedAccountId", "regions", "endpoint"];
    let fields = SettingsReader::of(node, "aws", &known, findings)?;
    let profile = fields.text("profile", findings).map(str::to_owned);
    let expected_account = fields.parsed("expectedAccountId", AccountId::EXPECTED, findings);
    let regions = fields.require("regions", "a list of region names", findings);
    let regions = regions.and_then(|node| regions_list(node, findings));
    let endpoint = fields.get("endpoint").map(|node| endpoint_section(node, findings));
    let endpoint = match endpoint {
        None => None,
        Some(read) => Some(read?),
    };
    Some(Aws { profile, expected_account: expected_account?, regions: regions?, endpoint })
}

fn regions_list(node: &YamlNode, findings: &mut Findings<'_>) -> Option<BTreeSet<Region>> {
    let Some(items) = node.sequence() else {
        let found = format!("aws.regions is {}", node.describe());
        findings.error(node.span, code::WRONG_TYPE, found).expected("a list of region names");
        return None;
    };
    let mut regions = BTreeSet::new();
    for item in items {
        let region: Option<Region> = parsed(item, "a region", Region::EXPECTED, findings);
        // A region that is listed twice is harmless and only a warning; an empty list would start a
        // daemon that does nothing.
        if let Some(unknown) = region.as_ref().and_then(UnknownRegion::of) {
            findings.unknown_region(item.span, unknown);
        }
        if let Some(region) = region
            && let Some(repeated) = regions.replace(region)
        {
            findings.warning(item.span, code::DUPLICATE, format!("{repeated} is listed twice"));
        }
    }
    if items.is_empty() {
        let found = "aws.regions is empty".to_owned();
        findings.error(node.span, code::MALFORMED, found).expected("at least one region");
    }
    (!regions.is_empty()).then_some(regions)
}

fn endpoint_section(node: &YamlNode, findings: &mut Findings<'_>) -> Option<Endpoint> {
    const EXPECTED: &str = "an address on this machine, such as http://127.0.0.1:4599";
    let fields = SettingsReader::of(node, "aws.endpoint", &["url", "credentials"], findings)?;
    let credentials = fields.get("credentials").map(|node| credentials_section(node, findings));
    let url = fields.require("url", EXPECTED, findings)?;
    let address = text(url, "aws.endpoint.url", EXPECTED, findings)?;
    if !is_loopback(address) {
        let found = format!("aws.endpoint.url is {:?}", veiled(address));
        findings
            .error(url.span, "endpoint-not-local", found)
            .expected(EXPECTED)
            .hint("only a simulated AWS on this machine is allowed");
        return None;
    }
    let credentials = match credentials {
        None => None,
        Some(read) => Some(read?),
    };
    Some(Endpoint { url: address.trim_end_matches('/').to_owned(), credentials })
}

fn is_loopback(url: &str) -> bool {
    let Some(authority) = url.strip_prefix("http://") else { return false };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    match authority.parse::<SocketAddr>() {
        Ok(address) => address.ip().is_loopback(),
        Err(_) => authority
            .strip_prefix("localhost:")
            .is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port != 0)),
    }
}

fn credentials_section(node: &YamlNode, findings: &mut Findings<'_>) -> Option<StaticCredentials> {
    let name = "aws.endpoint.credentials";
    let fields = SettingsReader::of(node, name, &["accessKeyId", "secretAccessKey"], findings)?;
    let mut key = |field| {
        let node = fields.require(field, "text", findings)?;
        text(node, &fields.full(field), "text", findings).map(str::to_owned)
    };
    let (access_key_id, secret_access_key) = (key("accessKeyId"), key("secretAccessKey"));
    Some(StaticCredentials { access_key_id: access_key_id?, secret_access_key: secret_access_key? })
}

fn source_section(
    node: &YamlNode,
    base: &Path,
    findings: &mut Findings<'_>,
) -> Option<SourceLocation> {
    let fields = SettingsReader::of(node, "source", &["directory", "git"], findings)?;
    if let Some(git) = fields.get("git") {
        let found = "source.git is not part of this version".to_owned();
        findings
            .error(git.span, "unsupported", found)
            .hint("publish the repository into a directory, and use source.directory");
    }
    let directory = fields.require("directory", "a mapping with root and path", findings)?;
    let known = ["root", "path", "absence"];
    let fields = SettingsReader::of(directory, "source.directory", &known, findings)?;
    let path = fields.text("path", findings).unwrap_or(".").to_owned();
    let absence = fields.get("absence").and_then(|node| absence(node, findings));
    let root = fields.require("root", "a directory", findings)?;
    let root = text(root, "source.directory.root", "a directory", findings)?;
    Some(SourceLocation::Directory {
        root: base.join(root),
        path,
        absence: absence.unwrap_or_default(),
    })
}

fn absence(node: &YamlNode, findings: &mut Findings<'_>) -> Option<Absence> {
    const EXPECTED: &str = "declared or atomic";
    let words = [Absence::Declared, Absence::Atomic];
    let given = text(node, "source.directory.absence", EXPECTED, findings)?;
    let absence = words.into_iter().find(|word| word.as_str() == given);
    if absence.is_none() {
        let found = format!("source.directory.absence is {}", shown(node));
        findings
            .error(node.span, code::MALFORMED, found)
            .expected(EXPECTED)
            .did_you_mean(given, words.map(Absence::as_str));
    }
    absence
}

fn intervals_section(
    node: &YamlNode,
    real: bool,
    findings: &mut Findings<'_>,
) -> Option<IntervalSettings> {
    let known = [
        "source",
        "organization",
        "region",
        "inProgress",
        "requeue",
        "failureResync",
        "fullResync",
    ];
    let fields = SettingsReader::of(node, "intervals", &known, findings)?;
    let default = IntervalSettings::default();
    let aws = if real { PERIOD_MIN_AWS } else { PERIOD_MIN }..=PERIOD_MAX;
    let mut period = |field, default| fields.duration(field, aws.clone(), default, findings);
    let organization = period("organization", default.organization);
    let region = period("region", default.region);
    let failure_resync = period("failureResync", default.failure_resync);
    let full_resync = period("fullResync", default.full_resync);
    // An interval below the default waits shortens those waits too.
    let within = |Backoff { first, max }| Backoff { first: first.min(region), max };
    Some(IntervalSettings {
        source: fields.duration("source", PERIOD_MIN..=PERIOD_MAX, default.source, findings),
        organization,
        region,
        in_progress: backoff(&fields, "inProgress", &aws, within(default.in_progress), findings),
        requeue: backoff(&fields, "requeue", &aws, within(default.requeue), findings),
        failure_resync,
        full_resync,
    })
}

fn backoff(
    parent: &SettingsReader<'_>,
    field: &str,
    range: &RangeInclusive<Duration>,
    default: Backoff,
    findings: &mut Findings<'_>,
) -> Backoff {
    let Some(node) = parent.get(field) else { return default };
    let name = parent.full(field);
    let Some(fields) = SettingsReader::of(node, &name, &["first", "max"], findings) else {
        return default;
    };
    let first = fields.duration("first", range.clone(), default.first, findings);
    // The default of `max` follows `first`, so that setting only `first` above it is no error.
    let max = fields.duration("max", range.clone(), default.max.max(first), findings);
    if max < first {
        let found = format!("{name}.max is shorter than {name}.first");
        findings.error(node.span, code::MALFORMED, found);
    }
    Backoff { first, max }
}

fn guard_section(node: &YamlNode, findings: &mut Findings<'_>) -> Option<guard::LossLimits> {
    let known = [
        "ratioPercent",
        "namesPerWindow",
        "rulesMax",
        "rulesPercent",
        "exclusionsMax",
        "exclusionsPercent",
        "excludedPercent",
        "overlapPercent",
    ];
    let fields = SettingsReader::of(node, "guard", &known, findings)?;
    let default = guard::LossLimits::default();
    let mut number = |field, most, default| fields.number(field, 0..=most, default, findings);
    Some(guard::LossLimits {
        ratio_percent: number("ratioPercent", 100, default.ratio_percent),
        names_per_window: number("namesPerWindow", 1_000, default.names_per_window),
        rules_max: number("rulesMax", 1_000, default.rules_max),
        rules_percent: number("rulesPercent", 100, default.rules_percent),
        excluded_percent: number("excludedPercent", 100, default.excluded_percent),
        // AWS Config API: at most 1,000 excluded accounts a pack.
        exclusions_max: number("exclusionsMax", 1_000, default.exclusions_max),
        exclusions_percent: number("exclusionsPercent", 100, default.exclusions_percent),
        overlap_percent: number("overlapPercent", 100, default.overlap_percent),
    })
}

fn limits_section(node: &YamlNode, findings: &mut Findings<'_>) -> Option<RateLimits> {
    let fields =
        SettingsReader::of(node, "limits", &["readsPerSecond", "burst", "inFlight"], findings)?;
    let default = RateLimits::default();
    let mut number = |field, most, default: NonZeroU32| {
        let number = fields.number(field, 1..=most, default.get(), findings);
        NonZeroU32::new(number).unwrap_or(default)
    };
    let in_flight = u32::try_from(default.in_flight.get()).ok().and_then(NonZeroU32::new);
    let in_flight = number("inFlight", 64, in_flight.unwrap_or(NonZeroU32::MIN));
    Some(RateLimits {
        reads_per_second: number("readsPerSecond", 100, default.reads_per_second),
        burst: number("burst", 1_000, default.burst),
        in_flight: NonZeroUsize::try_from(in_flight).unwrap_or(default.in_flight),
    })
}

/// The bucket, if there is one, and whether remediations are allowed.
fn templates_section(
    node: &YamlNode,
    findings: &mut Findings<'_>,
) -> Option<(Option<TemplateBucket>, bool)> {
    let known = ["remediations", "bucket", "prefix"];
    let fields = SettingsReader::of(node, "templates", &known, findings)?;
    let remediations = fields.get("remediations").and_then(|node| remediations(node, findings));
    // A prefix alone asks for a bucket too: `bucket` then reports the missing field.
    let has_bucket = fields.get("bucket").is_some() || fields.get("prefix").is_some();
    let bucket = if has_bucket { bucket(&fields, findings) } else { None };
    Some((bucket, remediations.unwrap_or_default()))
}

fn remediations(node: &YamlNode, findings: &mut Findings<'_>) -> Option<bool> {
    const EXPECTED: &str = "allowed or forbidden";
    match text(node, "templates.remediations", EXPECTED, findings)? {
        "allowed" => Some(true),
        "forbidden" => Some(false),
        other => {
            let found = format!("templates.remediations is {}", shown(node));
            findings
                .error(node.span, code::MALFORMED, found)
                .expected(EXPECTED)
                .did_you_mean(other, ["allowed", "forbidden"]);
            None
        }
    }
}

fn bucket(fields: &SettingsReader<'_>, findings: &mut Findings<'_>) -> Option<TemplateBucket> {
    const EXPECTED: &str = "an S3 bucket name (3 to 63 lower-case letters, digits, dots, hyphens)";
    let prefix = fields.text("prefix", findings).unwrap_or_default();
    let bucket_node = fields.require("bucket", EXPECTED, findings)?;
    let bucket = text(bucket_node, "templates.bucket", EXPECTED, findings)?;
    let is_name = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-')
        });
    // The name is still used after the error: the settings are rejected as a whole, and later
    // checks can report their errors in the same run.
    if !is_name {
        let found = format!("templates.bucket is {bucket:?}");
        findings.error(bucket_node.span, code::MALFORMED, found).expected(EXPECTED);
    }
    let prefix = prefix.trim_matches('/').to_owned();
    Some(TemplateBucket { bucket: bucket.to_owned(), prefix })
}

fn probe_section(node: &YamlNode, findings: &mut Findings<'_>) -> Option<RecorderProbe> {
    let known = ["roleName", "externalId", "interval"];
    let fields = SettingsReader::of(node, "recorderProbe", &known, findings)?;
    let role_name = role_name(&fields, findings);
    let external_id = fields
        .get("externalId")
        .map(|node| parsed(node, "recorderProbe.externalId", ExternalId::EXPECTED, findings));
    let interval = fields.duration("interval", PROBE_INTERVAL, PROBE_DEFAULT, findings);
    if external_id.is_none() {
        findings
            .warning(node.span, "no-external-id", "recorderProbe.externalId is missing".to_owned())
            .hint(
                "require an external id in the role's trust policy, so that no other party can \
                 access accounts through conformd",
            );
    }
    let external_id = match external_id {
        None => None,
        Some(read) => Some(read?),
    };
    Some(RecorderProbe { role_name: role_name?, external_id, interval })
}

fn role_name(fields: &SettingsReader<'_>, findings: &mut Findings<'_>) -> Option<RoleName> {
    let node = fields.require("roleName", RoleName::EXPECTED, findings)?;
    let given = text(node, "recorderProbe.roleName", RoleName::EXPECTED, findings)?;
    let role = given.strip_prefix('/').unwrap_or(given).parse().ok();
    if role.is_none() {
        let found = format!("recorderProbe.roleName is {}", shown(node));
        let finding =
            findings.error(node.span, code::MALFORMED, found).expected(RoleName::EXPECTED);
        if given.starts_with("arn:") {
            finding.hint("give the part after role/: the rest differs between accounts");
        }
    }
    role
}

fn redeploy_section(node: &YamlNode, findings: &mut Findings<'_>) -> Option<Redeploy> {
    let fields = SettingsReader::of(node, "redeploy", &["afterDeadline", "cooldown"], findings)?;
    let default = Redeploy::default();
    let after_deadline =
        fields.get("afterDeadline").and_then(|node| after_deadline(node, findings));
    Some(Redeploy {
        after_deadline: after_deadline.unwrap_or(default.after_deadline),
        cooldown: fields.duration("cooldown", REDEPLOY_COOLDOWN, default.cooldown, findings),
    })
}

fn after_deadline(node: &YamlNode, findings: &mut Findings<'_>) -> Option<AfterDeadline> {
    const EXPECTED: &str = "one of recorderSeen, always, never";
    match text(node, "redeploy.afterDeadline", EXPECTED, findings)? {
        "recorderSeen" => Some(AfterDeadline::RecorderSeen),
        "always" => Some(AfterDeadline::Always),
        "never" => Some(AfterDeadline::Never),
        other => {
            let found = format!("redeploy.afterDeadline is {}", shown(node));
            findings
                .error(node.span, code::MALFORMED, found)
                .expected(EXPECTED)
                .did_you_mean(other, ["recorderSeen", "always", "never"]);
            None
        }
    }
}

fn record_section(node: &YamlNode, findings: &mut Findings<'_>) -> Option<Duration> {
    let fields = SettingsReader::of(node, "record", &["retention"], findings)?;
    let default = RECORD_RETENTION_DEFAULT;
    Some(fields.duration("retention", RECORD_RETENTION, default, findings))
}

/// The keys of labels. A Prometheus label cannot have every name that a manifest may use, and the
/// labels of the scrape, or the pack itself, must not be replaced.
fn metrics_section(node: &YamlNode, findings: &mut Findings<'_>) -> Option<BTreeSet<String>> {
    const EXPECTED: &str = "a list of at most 5 keys of metadata.labels";
    const KEY: &str = "letters, digits and underscores, such as team; not pack, region, job, \
                       instance, severity or alertname";
    let fields = SettingsReader::of(node, "metrics", &["labels"], findings)?;
    let node = fields.get("labels")?;
    let Some(items) = node.sequence() else {
        let found = format!("metrics.labels is {}", node.describe());
        findings.error(node.span, code::WRONG_TYPE, found).expected(EXPECTED);
        return None;
    };
    if items.len() > LABEL_KEYS_MAX {
        let found = format!("metrics.labels has {} keys", items.len());
        findings.error(node.span, code::MALFORMED, found).expected(EXPECTED);
    }
    let mut keys = BTreeSet::new();
    for item in items {
        let Some(key) = text(item, "a key of metrics.labels", KEY, findings) else { continue };
        if is_label_name(key) {
            keys.insert(key.to_owned());
        } else {
            let found = format!("metrics.labels has {}", shown(item));
            findings.error(item.span, code::MALFORMED, found).expected(KEY);
        }
    }
    Some(keys)
}

/// Whether a Prometheus label may have this name, and conformd and alerts do not use it yet.
fn is_label_name(key: &str) -> bool {
    let is_taken = ["pack", "region", "job", "instance", "severity", "alertname"].contains(&key);
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let begins = key.starts_with(|it: char| it.is_ascii_alphabetic());
    begins && key.chars().all(is_word) && key.len() <= 63 && !is_taken
}

fn http_section(node: &YamlNode, base: &Path, findings: &mut Findings<'_>) -> Option<Http> {
    let fields =
        SettingsReader::of(node, "http", &["listen", "metricsListen", "tokenFile"], findings)?;
    let token_file = fields.text("tokenFile", findings).map(|file| base.join(file));
    let listen = address(&fields, "listen", findings).unwrap_or(Http::default().listen);
    let metrics_listen = address(&fields, "metricsListen", findings);
    // Port 0 is any free one, and another one each time.
    if let Some(node) = fields.get("metricsListen")
        && metrics_listen == Some(listen)
        && listen.port() != 0
    {
        let found = format!("http.metricsListen is {listen}, as http.listen is");
        findings
            .error(node.span, "listen-twice", found)
            .hint("leave it out: metrics are then at http.listen");
    }
    Some(Http { listen, metrics_listen, token_file })
}

fn address(
    fields: &SettingsReader<'_>,
    field: &str,
    findings: &mut Findings<'_>,
) -> Option<SocketAddr> {
    const EXPECTED: &str = "an address and a port, such as 127.0.0.1:9464";
    let (node, name) = (fields.get(field)?, fields.full(field));
    let given = text(node, &name, EXPECTED, findings)?;
    let address = given.parse().ok();
    if address.is_none() {
        let found = format!("{name} is {given:?}");
        findings.error(node.span, code::MALFORMED, found).expected(EXPECTED);
    }
    address
}
