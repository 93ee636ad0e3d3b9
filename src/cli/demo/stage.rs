//! The words around the story: what to watch, where to look, and what to try next.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What happens in `config/scenarios/demo.yaml`.
const CAST: &str = "  \
  newly-acquired   joined 6 h 20 min ago without a configuration recorder; AWS retries for 7 h,
                   and a recorder is created 15 minutes before that ends
  late-starter     joined 7 h 30 min ago without a recorder: AWS has stopped retrying, and
                   conformd redeploys when the recorder exists
  legacy-monolith  has no room for more rules in eu-west-1; only its owner can resolve that
  made-by-hand     is a pack that no manifest declares; conformd does not change it
  ap-southeast-2   is a region that AWS throttles for 15 minutes
";

/// What the user needs to follow the demo and to interfere with it.
pub(super) struct Stage {
    /// The program, as the user called it.
    pub(super) program: String,
    /// The folder with the settings and manifests.
    pub(super) folder: PathBuf,
    /// Whether the folder is a copy, in which nothing can be lost.
    pub(super) is_copy: bool,
    /// Where the status page and the API are.
    pub(super) page: SocketAddr,
    /// Whether commands find the daemon by the settings alone.
    pub(super) is_default_page: bool,
    /// The address of the simulated AWS.
    pub(super) endpoint: String,
    /// Virtual seconds per real second.
    pub(super) speed: u32,
}

impl Stage {
    /// The words before the story.
    pub(super) fn opening(&self) -> String {
        let Self { page, speed, endpoint, .. } = self;
        let folder = self.folder.display();
        format!(
            "SIMULATED: no AWS account is involved; the clock runs {speed} times as fast\n\n\
             conformd deploys 4 conformance packs to an organization. Watch:\n\n{CAST}\n  \
             page           http://{page}/\n  \
             manifests      {folder}/packs (edit one and watch)\n  \
             plan           http://{page}/api/v1/plan?format=text\n  \
             metrics        http://{page}/metrics\n  \
             simulated AWS  {endpoint} (its accounts: {endpoint}/_sim/world)\n\n\
             In the story, + is created, ~ changed, - deleted, ! needs attention, ? is unknown. \
             Times are virtual.\n\n"
        )
    }

    /// The words after the story: commands to try in another terminal.
    pub(super) fn suggestions(&self) -> String {
        let (endpoint, folder, packs) = (&self.endpoint, self.folder.display(), Packs(self));
        let status = self.command("status");
        let explain = self.command("explain 410000000007");
        let end = if self.is_copy { " and deletes its folder" } else { "" };
        format!(
            "Try next, in another terminal, and watch this one and the page:\n\n{packs}\
             # Break a region: conformd plans nothing there, and the other regions continue.\n\
             curl -fsS {endpoint}/_sim/faults -d '{{\"rule\": {{\"service\": \"config\", \
             \"region\": \"eu-west-1\", \"effect\": {{\"kind\": \"reset\"}}}}}}'\n\
             {status}\n\
             curl -fsS -X DELETE {endpoint}/_sim/faults    # undo it\n\n\
             # Ask why an account fails, and who must act.\n\
             {explain}\n\n\
             The manifests are in {folder}/packs. Ctrl-C ends the demo{end}.\n\n"
        )
    }

    /// A command that asks this daemon.
    fn command(&self, words: &str) -> String {
        let Self { program, folder, page, .. } = self;
        let daemon =
            if self.is_default_page { String::new() } else { format!(" --daemon http://{page}") };
        format!("{program} {words} -c {}/demo.yaml{daemon}", folder.display())
    }
}

/// Commands that change the packs of the examples; none for a folder of the user.
struct Packs<'a>(&'a Stage);

impl fmt::Display for Packs<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(stage) = self;
        if !stage.is_copy {
            return Ok(());
        }
        let packs = stage.folder.join("packs");
        let packs = packs.display();
        let (status, plan) = (stage.command("status"), format!("http://{}", stage.page));
        let approve = format!("approve --reason 'a trial' --to {packs}/approve.yaml");
        let approve = stage.command(&approve);
        write!(
            out,
            "# Change a pack: conformd updates it in every region.\n\
             sed -i.bak 's/\"365\"/\"400\"/' {packs}/cloudtrail-logging.yaml\n\
             curl -fsS '{plan}/api/v1/plan?format=text'\n\n\
             # Break a manifest: its last valid content stays in force.\n\
             echo 'oops: true' >> {packs}/encryption.yaml\n\
             {status}\n\
             sed -i.bak '/^oops/d' {packs}/encryption.yaml    # undo it\n\n\
             # Delete a pack: a missing file deletes nothing until an approval permits it.\n\
             rm {packs}/s3-baseline.yaml\n\
             {status}\n\
             {approve}\n\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::sim::scenario::Scenario;

    fn stage(is_copy: bool, port: u16) -> Stage {
        Stage {
            program: "conformd".to_owned(),
            folder: PathBuf::from("there"),
            is_copy,
            page: SocketAddr::from(([127, 0, 0, 1], port)),
            is_default_page: port == 9464,
            endpoint: "http://127.0.0.1:1".to_owned(),
            speed: 120,
        }
    }

    #[test]
    fn the_accounts_that_the_opening_names_are_in_the_scenario() {
        let Scenario { setup, .. } = Scenario::demo(Clock::system().now()).unwrap();
        for name in ["newly-acquired", "late-starter", "legacy-monolith"] {
            assert!(CAST.contains(name));
            assert!(setup.accounts.iter().any(|account| account.name == name), "{name}");
        }
    }

    #[test]
    fn suggestions_name_the_daemon_only_where_the_settings_do_not() {
        let usual = stage(true, 9464).suggestions();
        assert!(usual.contains("\nconformd status -c there/demo.yaml\n"), "{usual}");
        let other = stage(true, 1234).suggestions();
        let expected = "conformd status -c there/demo.yaml --daemon http://127.0.0.1:1234\n";
        assert!(other.contains(expected), "{other}");
    }

    #[test]
    fn no_suggestion_changes_a_folder_of_the_user() {
        let text = stage(false, 9464).suggestions();
        assert!(text.contains("/_sim/faults"));
        assert!(!text.contains("sed ") && !text.contains("rm "), "{text}");
        assert!(!text.contains("deletes its folder"), "{text}");
    }
}
