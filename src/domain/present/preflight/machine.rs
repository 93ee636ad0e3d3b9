//! The lines about this machine: files, buckets that they name, and the clock.

use jiff::SignedDuration;

use super::facts::{Facts, RecordFacts, TokenFile};
use super::line::{Check, Line, shown};
use crate::domain::base::words::many;
use crate::domain::present::report::Declarations;

/// From here on signatures are at risk (reliability T-03).
const SKEW_WARN: SignedDuration = SignedDuration::from_mins(1);
/// From here on AWS refuses signatures (AWS Signature Version 4: five minutes).
const SKEW_FAIL: SignedDuration = SignedDuration::from_mins(5);

/// AWS Config's own role may write to no other buckets (AWS Config developer guide).
const DELIVERY_PREFIX: &str = "awsconfigconforms";

pub(super) fn source(facts: &Facts) -> Line {
    let check = Check::Source;
    let declared = match &facts.source {
        Ok(declared) => declared,
        Err(why) => {
            return Line::fail(check, shown(why), "correct source.directory, or what is in it");
        }
    };
    let Declarations { valid, invalid, wholly_valid, approvals, diagnostics: _ } = declared;
    let detail =
        format!("{}, {}", many(*valid, "valid manifest"), many(approvals.len(), "approval"));
    if !wholly_valid {
        return Line::fail(
            check,
            format!("{detail}, {invalid} with errors, so that nothing is deleted"),
            "conformd validate shows each with its place",
        );
    }
    if *valid == 0 {
        return Line::warn(check, detail, "nothing is declared; check source.directory.path");
    }
    Line::ok(check, detail)
}

/// What it costs that losses before now are not known.
const NO_RECORD_COSTS: &str =
    "nothing may be deleted unapproved until conformd has watched for 24 h";

pub(super) fn record(facts: &Facts) -> Line {
    let check = Check::Record;
    let found = match &facts.record {
        Ok(found) => found,
        Err(none) => {
            let detail = format!("{}; {NO_RECORD_COSTS}", shown(&none.why));
            return Line::warn(check, detail, none.advice());
        }
    };
    let RecordFacts { began, covers_window, losses, held, bytes } = found;
    let detail = format!(
        "since {began:.0}, {} in 24 h, {held} held, {} KiB",
        if *losses == 1 { "1 loss".to_owned() } else { format!("{losses} losses") },
        bytes.div_ceil(1_024)
    );
    if *covers_window {
        return Line::ok(check, detail);
    }
    Line::ok(check, format!("{detail}; until it is 24 h old, nothing may be deleted unapproved"))
}

pub(super) fn template_bucket(facts: &Facts) -> Line {
    let check = Check::TemplateBucket;
    match &facts.template_bucket {
        None => Line::ok(check, "none configured: templates have at most 51,200 bytes"),
        Some(bucket) => Line::warn(
            check,
            format!("{bucket} is configured, and this version delivers nothing through S3"),
            "keep templates within 51,200 bytes; larger ones are held",
        ),
    }
}

pub(super) fn delivery_buckets(facts: &Facts) -> Line {
    let check = Check::DeliveryBuckets;
    let buckets = &facts.wishes.buckets;
    if buckets.is_empty() {
        return Line::ok(check, "no manifest names one");
    }
    let unfit: Vec<&str> = buckets
        .iter()
        .map(String::as_str)
        .filter(|bucket| !bucket.starts_with(DELIVERY_PREFIX))
        .collect();
    if !unfit.is_empty() {
        return Line::fail(
            check,
            format!("{} do not begin with {DELIVERY_PREFIX}", unfit.join(", ")),
            "use other buckets: AWS Config's own role may write to no others",
        );
    }
    let names: Vec<&str> = buckets.iter().map(String::as_str).collect();
    Line::ok(check, format!("{}; their policies were not read", names.join(", ")))
}

pub(super) fn http_listen(facts: &Facts) -> Line {
    let check = Check::HttpListen;
    if facts.exposed.is_empty() {
        return Line::ok(check, "only this machine reaches the daemon's HTTP server");
    }
    Line::warn(
        check,
        format!("other machines may reach {}", facts.exposed.join(" and ")),
        "let only those through who may read everything: there are no users and no TLS",
    )
}

pub(super) fn http_token(facts: &Facts) -> Line {
    let check = Check::HttpToken;
    match &facts.token {
        TokenFile::None => Line::ok(check, "none: nobody may ask the daemon for work"),
        TokenFile::Good { world_readable: false } => {
            Line::ok(check, "readable, and not by everybody")
        }
        TokenFile::Good { world_readable: true } => Line::warn(
            check,
            "every user of this machine may read http.tokenFile",
            "chmod 0400, owned by conformd's user",
        ),
        TokenFile::Weak(why) => {
            Line::fail(check, why, "write a long random token to http.tokenFile")
        }
        TokenFile::Unreadable(why) => {
            let detail = format!("http.tokenFile cannot be read: {}", shown(why));
            Line::fail(check, detail, "the daemon does not start without; check path and owner")
        }
    }
}

pub(super) fn clock(facts: &Facts) -> Line {
    let check = Check::Clock;
    let Some(skew) = facts.skew else {
        return Line::warn(
            check,
            "AWS did not say what time it is",
            "see the lines of the regions",
        );
    };
    let (apart, side) = (skew.abs(), if skew.is_negative() { "ahead of" } else { "behind" });
    let detail = match apart.as_secs() {
        0 => "within a second of AWS's".to_owned(),
        seconds => format!("{seconds} s {side} AWS's"),
    };
    let advice = "synchronise the clock of this machine (chrony, systemd-timesyncd)";
    if facts.simulated || apart < SKEW_WARN {
        Line::ok(check, detail)
    } else if apart < SKEW_FAIL {
        Line::warn(check, detail, advice)
    } else {
        Line::fail(check, format!("{detail}; AWS refuses what it signs"), advice)
    }
}
