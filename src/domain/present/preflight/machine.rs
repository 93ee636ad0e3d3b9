//! The lines about this machine: files, buckets that they name, and the clock.

use jiff::SignedDuration;

use super::facts::{PreflightFacts, RecordFacts, TokenFile};
use super::line::{CheckLine, CheckName, shown};
use crate::domain::base::words::many;
use crate::domain::present::report::Declarations;

/// From this difference on, requests are at risk: AWS refuses signatures that are off by 5 minutes
/// (AWS Signature Version 4).
const SKEW_WARN: SignedDuration = SignedDuration::from_mins(1);
/// From here on AWS refuses signatures (AWS Signature Version 4: five minutes).
const SKEW_FAIL: SignedDuration = SignedDuration::from_mins(5);

/// AWS Config's own role may write to no other buckets (AWS Config developer guide).
const DELIVERY_PREFIX: &str = "awsconfigconforms";

pub(super) fn source(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::Source;
    let declared = match &facts.source {
        Ok(declared) => declared,
        Err(why) => {
            return CheckLine::fail(
                check,
                shown(why),
                "correct source.directory, or the files in it",
            );
        }
    };
    let Declarations { valid, invalid, wholly_valid, approvals, diagnostics: _ } = declared;
    let detail =
        format!("{}, {}", many(*valid, "valid manifest"), many(approvals.len(), "approval"));
    // Errors come before an empty source, since they may be the reason why nothing is declared.
    if !wholly_valid {
        return CheckLine::fail(
            check,
            format!("{detail}, {invalid} with errors, so deletions are paused"),
            "run `conformd validate PATH`, which shows each error with its place",
        );
    }
    if *valid == 0 {
        return CheckLine::warn(check, detail, "nothing is declared; check source.directory.path");
    }
    CheckLine::ok(check, detail)
}

/// What it costs that losses before now are not known.
const NO_RECORD_COSTS: &str =
    "every loss waits for an approval until conformd has observed for 24 h";

pub(super) fn record(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::Record;
    let found = match &facts.record {
        Ok(found) => found,
        Err(none) => {
            let detail = format!("{}; {NO_RECORD_COSTS}", shown(&none.why));
            return CheckLine::warn(check, detail, none.advice());
        }
    };
    let RecordFacts { began, covers_window, losses, held, bytes } = found;
    let detail = format!(
        "since {began:.0}, {} in 24 h, {held} held, {} KiB",
        if *losses == 1 { "1 loss".to_owned() } else { format!("{losses} losses") },
        bytes.div_ceil(1_024)
    );
    // A young record is fine and no warning: it is normal on the first day.
    if *covers_window {
        return CheckLine::ok(check, detail);
    }
    CheckLine::ok(
        check,
        format!("{detail}; until it is 24 h old, every loss waits for an approval"),
    )
}

pub(super) fn template_bucket(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::TemplateBucket;
    match &facts.template_bucket {
        None => CheckLine::ok(check, "none configured: templates have at most 51,200 bytes"),
        Some(bucket) => CheckLine::warn(
            check,
            format!("{bucket} is configured, but this version delivers nothing through S3"),
            "keep templates within 51,200 bytes; larger ones are held",
        ),
    }
}

pub(super) fn delivery_buckets(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::DeliveryBuckets;
    let buckets = &facts.wishes.buckets;
    if buckets.is_empty() {
        return CheckLine::ok(check, "no manifest names one");
    }
    let unfit: Vec<&str> = buckets
        .iter()
        .map(String::as_str)
        .filter(|bucket| !bucket.starts_with(DELIVERY_PREFIX))
        .collect();
    if !unfit.is_empty() {
        return CheckLine::fail(
            check,
            format!("{} do not begin with {DELIVERY_PREFIX}", unfit.join(", ")),
            "use buckets with that prefix: the role of AWS Config can write to no others",
        );
    }
    let names: Vec<&str> = buckets.iter().map(String::as_str).collect();
    CheckLine::ok(check, format!("{}; their policies were not read", names.join(", ")))
}

pub(super) fn http_listen(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::HttpListen;
    if facts.exposed.is_empty() {
        return CheckLine::ok(check, "only this machine can reach the daemon's HTTP server");
    }
    CheckLine::warn(
        check,
        format!("other machines can reach {}", facts.exposed.join(" and ")),
        "restrict access with a firewall or an authenticating proxy: the server has no users and \
         no TLS",
    )
}

pub(super) fn http_token(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::HttpToken;
    match &facts.token {
        TokenFile::None => CheckLine::ok(check, "none: POST /api/v1/reconcile is refused"),
        TokenFile::Good { world_readable: false } => {
            CheckLine::ok(check, "readable, but not by every user")
        }
        TokenFile::Good { world_readable: true } => CheckLine::warn(
            check,
            "every user of this machine can read http.tokenFile",
            "chmod 0400, owned by conformd's user",
        ),
        TokenFile::Weak(why) => {
            CheckLine::fail(check, why, "write a long random token to http.tokenFile")
        }
        TokenFile::Unreadable(why) => {
            let detail = format!("http.tokenFile cannot be read: {}", shown(why));
            CheckLine::fail(
                check,
                detail,
                "the daemon does not start without it; check its path and owner",
            )
        }
    }
}

pub(super) fn clock(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::Clock;
    let Some(skew) = facts.skew else {
        return CheckLine::warn(check, "AWS's time is unknown", "see the lines of the regions");
    };
    let (apart, side) = (skew.abs(), if skew.is_negative() { "ahead of" } else { "behind" });
    let detail = match apart.as_secs() {
        0 => "within a second of AWS's".to_owned(),
        seconds => format!("{seconds} s {side} AWS's"),
    };
    let advice = "synchronize the clock of this machine (chrony, systemd-timesyncd)";
    // A simulated AWS has a clock of its own.
    if facts.simulated || apart < SKEW_WARN {
        CheckLine::ok(check, detail)
    } else if apart < SKEW_FAIL {
        CheckLine::warn(check, detail, advice)
    } else {
        CheckLine::fail(check, format!("{detail}; AWS refuses its requests"), advice)
    }
}
