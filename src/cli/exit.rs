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

/// An exit code.
#[derive(Debug)]
pub struct ExitCodeRow {
    /// The code.
    pub code: u8,
    /// What it means everywhere.
    pub meaning: &'static str,
    /// What it means of single commands.
    pub commands: &'static [(&'static str, &'static str)],
}

/// Each exit code.
pub const EXIT_CODES: &[ExitCodeRow] = &[
    ExitCodeRow {
        code: 0,
        meaning: "success",
        commands: &[
            ("status", "healthy, progressing or suspended"),
            ("apply", "AWS accepted every step, and no member has failed so far"),
            ("check", "no check failed; there may be warnings"),
            ("healthcheck", "the daemon is ready"),
        ],
    },
    ExitCodeRow {
        code: 1,
        meaning: "an error; conformd did everything that the error does not prevent",
        commands: &[
            ("status", "degraded"),
            ("plan, diff", "a manifest is invalid, or a region could not be read"),
            (
                "apply",
                "a manifest is invalid, a region could not be read, the plan changed or was \
            declined, a step was refused, was not started or has an unknown outcome, a member \
            failed, losses wait for approval, or apply was interrupted",
            ),
            ("check", "a check failed"),
            ("validate", "a manifest or template is invalid, or there is no manifest"),
            ("healthcheck", "the daemon is not ready, or does not answer"),
        ],
    },
    ExitCodeRow {
        code: EXIT_CHANGES,
        meaning: "something is different, or unknown",
        commands: &[
            ("plan, diff --detailed-exitcode", "something is to change"),
            ("status", "unknown: something could not be read"),
        ],
    },
    ExitCodeRow {
        code: EXIT_USAGE,
        meaning: "the command line is invalid, or names a region, pack, account or command that \
            does not exist",
        commands: &[],
    },
    ExitCodeRow {
        code: EXIT_CONFIG,
        meaning: "the settings are invalid, or the credentials do not belong to \
            aws.expectedAccountId",
        commands: &[],
    },
];

/// The table for the help.
pub(super) fn table() -> String {
    let mut text = "Exit codes:".to_owned();
    for ExitCodeRow { code, meaning, commands } in EXIT_CODES {
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
