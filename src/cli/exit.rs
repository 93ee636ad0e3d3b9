//! Exit codes that scripts and unit files use: one table, which the help and `docs/cli.md` show.

use std::fmt::Write as _;

use super::iam_policy::MissingValue;
use crate::config::ConfigError;

/// Exit code of a usage error (`EX_USAGE` of sysexits.h).
pub(super) const EXIT_USAGE: u8 = 64;

/// Exit code of a configuration error (`EX_CONFIG` of sysexits.h).
pub(super) const EXIT_CONFIG: u8 = 78;

/// Exit code of `plan --detailed-exitcode` when there are changes.
pub(super) const EXIT_CHANGES: u8 = 2;

/// Exit code of `status` when something could not be seen.
pub(super) const EXIT_UNKNOWN: u8 = 2;

/// Each exit code, what it means everywhere, and what it means of single commands.
#[rustfmt::skip]
pub const EXIT_CODES: &[(u8, &str, &[(&str, &str)])] = &[
    (0, "success", &[
        ("status", "healthy, progressing or suspended"),
        ("apply", "AWS accepted every step, and no member has failed so far"),
        ("check", "no check failed; there may be warnings"),
        ("healthcheck", "the daemon is ready"),
    ]),
    (1, "an error; conformd did everything that the error does not prevent", &[
        ("status", "degraded"),
        ("plan", "a manifest is invalid, or a region could not be read"),
        ("apply", "a manifest is invalid, a region could not be read, the plan changed or was \
            declined, a step was refused, was not started or has an unknown outcome, a member \
            failed, losses wait for approval, or apply was interrupted"),
        ("check", "a check failed"),
        ("validate", "a manifest or template is invalid, or there is no manifest"),
        ("healthcheck", "the daemon is not ready, or does not answer"),
    ]),
    (EXIT_CHANGES, "something is different, or unknown", &[
        ("plan --detailed-exitcode", "the plan has changes"),
        ("status", "unknown: something could not be read"),
    ]),
    (EXIT_USAGE, "the command line is invalid, or names a region that is not configured", &[]),
    (EXIT_CONFIG, "the settings are invalid, or the credentials do not belong to \
        aws.expectedAccountId", &[]),
];

/// The table for the help.
pub(super) fn table() -> String {
    let mut text = "Exit codes:".to_owned();
    for (code, meaning, commands) in EXIT_CODES {
        write!(text, "\n  {code:>2}  {meaning}").expect("a string takes everything");
        for (command, meaning) in *commands {
            write!(text, "\n      {command}: {meaning}").expect("a string takes everything");
        }
    }
    text
}

/// The command line names something that does not exist: exit code 64.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct WrongName(pub(super) String);

/// The exit code of an error.
pub(super) fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<ConfigError>() {
        EXIT_CONFIG
    } else if error.is::<MissingValue>() || error.is::<WrongName>() {
        EXIT_USAGE
    } else {
        1
    }
}
