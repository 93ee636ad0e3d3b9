//! The commands as a user meets them: what they print, and their exit codes.
