//! What `apply` asks at the terminal. Without a terminal nothing is asked.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::cli::terminal::print;
use crate::domain::present::approval_document::WaitingLosses;

/// What there is to ask about.
pub(super) struct Question<'a> {
    /// `--yes`: the plan is not asked about, and losses that wait for approval keep waiting.
    pub(super) yes: bool,
    /// Steps that may be taken.
    pub(super) steps: usize,
    /// Losses that wait for an approval.
    pub(super) waiting: &'a WaitingLosses,
}

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    /// Apply the plan.
    Apply {
        /// With the losses that waited for an approval.
        permitted: bool,
    },
    /// Leave everything as it is.
    Decline,
}

impl Question<'_> {
    /// Asks for consent. Dropping this future is fine: nothing has begun, and an answer is ignored.
    pub(super) async fn ask(&self) -> anyhow::Result<Consent> {
        let is_terminal = std::io::stdin().is_terminal();
        if self.yes || (self.steps == 0 && (!is_terminal || self.waiting.is_empty())) {
            return Ok(Consent::Apply { permitted: false });
        }
        // Without a terminal no user can see the plan, so only `--yes` may apply it.
        if !is_terminal {
            anyhow::bail!("stdin is not a terminal, so the plan cannot be confirmed; use --yes");
        }
        let mut permitted = false;
        if !self.waiting.is_empty() {
            let count = self.waiting.count();
            let (wait, them) =
                if count == 1 { ("loss waits", "it") } else { ("losses wait", "them") };
            print(&format!(
                "\n{count} {wait} for approval: {}.\n  {}\nType {count} to permit {them}, or \
                 anything else to continue without: ",
                self.waiting.summary(),
                self.waiting.lines().join("\n  "),
            ))?;
            permitted = line().await?.trim() == count.to_string();
        }
        // Permitting losses is a question of its own: a `yes` to the plan must not permit a loss
        // that waits for approval.
        if self.steps > 0 {
            print("\nApply this plan? Only `yes` is accepted: ")?;
            if line().await?.trim() != "yes" {
                return Ok(Consent::Decline);
            }
        }
        Ok(Consent::Apply { permitted })
    }
}

/// A line from the terminal, read beside the runtime's threads so that Ctrl-C is heard.
async fn line() -> anyhow::Result<String> {
    std::io::stdout().flush()?;
    let read = || {
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).map(|_| answer)
    };
    Ok(tokio::task::spawn_blocking(read).await??)
}
