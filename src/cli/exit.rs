//! Exit codes that scripts and unit files use.

/// Exit code of a usage error (`EX_USAGE` of sysexits.h).
pub(super) const EXIT_USAGE: u8 = 64;

/// Exit code of a configuration error (`EX_CONFIG` of sysexits.h).
pub(super) const EXIT_CONFIG: u8 = 78;

/// Exit code of `plan --detailed-exitcode` when there are changes.
pub(super) const EXIT_CHANGES: u8 = 2;

/// Exit code of `status` when something could not be seen.
pub(super) const EXIT_UNKNOWN: u8 = 2;
