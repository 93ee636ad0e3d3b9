//! Colours for terminals: lines of plans and views by their sign, nothing else knows about colour.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};

/// When output has colors (`--color`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Everywhere, also with `NO_COLOR`: the option was given for this one command.
    Always,
    /// Nowhere.
    Never,
}

/// What the command line says; set once, before anything is written.
static WHEN: OnceLock<ColorWhen> = OnceLock::new();

/// Takes what the command line says; the first word counts.
pub(in crate::cli) fn color(when: ColorWhen) {
    WHEN.get_or_init(|| when);
}

/// Whether stdout wants colours.
pub(in crate::cli) fn stdout_has_colour() -> bool {
    has_colour(std::io::stdout().is_terminal())
}

/// The same of stderr.
pub(in crate::cli) fn stderr_has_colour() -> bool {
    has_colour(std::io::stderr().is_terminal())
}

fn has_colour(is_terminal: bool) -> bool {
    match WHEN.get().copied().unwrap_or_default() {
        ColorWhen::Auto => is_terminal && !no_colour(),
        ColorWhen::Always => true,
        ColorWhen::Never => false,
    }
}

#[expect(clippy::disallowed_methods, reason = "https://no-color.org is an environment variable")]
fn no_colour() -> bool {
    std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty())
}

/// A plan or a view with its lines painted by the sign they begin with.
pub(in crate::cli) fn plan(text: &str, has_colour: bool) -> String {
    let mut sign = None;
    text.split_inclusive('\n')
        .map(|one| {
            // Details are indented beneath their step and share its colour.
            if !one.starts_with("      ") {
                sign = one.trim_start().chars().next();
            }
            line(one, sign, has_colour)
        })
        .collect()
}

/// One line, painted by the sign of what it is about.
pub(in crate::cli) fn line(text: &str, sign: Option<char>, has_colour: bool) -> String {
    if has_colour {
        let style = style(sign).unwrap_or_default();
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

fn style(sign: Option<char>) -> Option<Style> {
    Some(match sign? {
        '+' => AnsiColor::Green.on_default(),
        '~' => AnsiColor::Yellow.on_default(),
        '-' => AnsiColor::Red.on_default(),
        '!' => AnsiColor::Magenta.on_default(),
        '?' | '=' => AnsiColor::Cyan.on_default(),
        _ => return None,
    })
}

/// An error message as the last word of a command.
pub(in crate::cli) fn error(text: &str) -> String {
    format!("conformd: {text}\n")
}
