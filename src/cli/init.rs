//! `conformd init`: the first files of a repository: settings, a pack, its template, checks for CI.
//!
//! It asks nothing and never overwrites a file. What it writes changes nothing in AWS: the mode is
//! `observe`.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::explain::account_id;
use super::terminal::{note, print};
use crate::domain::base::model::{AccountId, Region};
use crate::domain::base::partition::UnknownRegion;
use crate::domain::declared::manifest::schema::schema;

/// The account of AWS's own examples: no credentials belong to it, so conformd refuses to start
/// until it is replaced.
const EXAMPLE_ACCOUNT: &str = "111122223333";

/// The settings; words in capitals between `@` are replaced.
const SETTINGS: &str = include_str!("init/conformd.yaml");
const PACK: &str = include_str!("init/pack.yaml");
const IGNORE: &str = include_str!("init/conformdignore");
const WORKFLOW: &str = include_str!("init/workflow.yml");

/// The templates to begin with.
const TEMPLATES: [(&str, &str); 4] = [
    ("iam-baseline", include_str!("../../config/templates/iam-baseline.yaml")),
    ("s3-baseline", include_str!("../../config/templates/s3-baseline.yaml")),
    ("cloudtrail-logging", include_str!("../../config/templates/cloudtrail-logging.yaml")),
    ("encryption", include_str!("../../config/templates/encryption.yaml")),
];

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// The directory of the repository; it is created if it does not exist.
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// The template of the first pack.
    #[arg(long, value_name = "NAME", default_value = "iam-baseline")]
    #[arg(value_parser = TEMPLATES.map(|(name, _)| name))]
    template: String,
    /// The regions to manage, separated by commas.
    #[arg(long, value_name = "REGIONS", value_delimiter = ',', default_value = "us-east-1")]
    regions: Vec<Region>,
    /// The account that owns the packs: the management account or a delegated administrator
    /// [default: an example, which you must replace].
    #[arg(long, value_name = "ID", value_parser = account_id)]
    account: Option<AccountId>,
}

/// Writes the files, all of them or none, and prints what to do next.
pub(super) fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    let directory = &args.directory;
    let files = files(args)?;
    let there = files.iter().map(|(name, _)| directory.join(name)).filter(|path| exists(path));
    let there: Vec<String> = there.map(|path| path.display().to_string()).collect();
    if !there.is_empty() {
        bail!("nothing was written, because files exist already: {}", there.join(", "));
    }
    if let Some(link) = files.iter().find_map(|(name, _)| link_below(directory, name)) {
        bail!(
            "nothing was written, because {} is a symbolic link, which may lead out of {}: remove \
             it, or choose another directory",
            link.display(),
            directory.display()
        );
    }
    for unknown in args.regions.iter().filter_map(UnknownRegion::of) {
        let UnknownRegion { found, hint } = unknown;
        let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
        note(&format!("conformd: warning: {found}{hint}\n"))?;
    }
    let mut written = Written::default();
    for (name, text) in &files {
        if let Err(error) = written.write(&directory.join(name), text) {
            // What this run did not write stays.
            return Err(match written.remove() {
                Ok(()) => error.context("nothing was written"),
                Err(left) => error.context(format!("some files were written and stay: {left:#}")),
            });
        }
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    print(&format!(
        "Wrote to {}:\n  {}\n\n{}",
        directory.display(),
        names.join("\n  "),
        next(args)
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The first symbolic link among the directories of a file below this directory.
fn link_below(directory: &Path, name: &str) -> Option<PathBuf> {
    let below = Path::new(name).ancestors().skip(1).filter(|path| !path.as_os_str().is_empty());
    below.map(|path| directory.join(path)).find(|path| path.is_symlink())
}

/// Whether there is anything, a dangling link included.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The files and directories that this run has created, in their order.
#[derive(Default)]
struct Written {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Written {
    /// A file that must not exist: another program may have written it meanwhile.
    fn write(&mut self, path: &Path, text: &str) -> anyhow::Result<()> {
        let cannot = || format!("{} cannot be written", path.display());
        if let Some(directory) = path.parent() {
            self.create(directory).with_context(cannot)?;
        }
        let mut file = match fs::File::create_new(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                bail!("{} exists already", path.display())
            }
            file => file.with_context(cannot)?,
        };
        self.files.push(path.to_owned());
        file.write_all(text.as_bytes()).with_context(cannot)
    }

    /// A directory and those above it, as far as they do not exist.
    fn create(&mut self, directory: &Path) -> io::Result<()> {
        let absent: Vec<&Path> = directory
            .ancestors()
            .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
            .collect();
        for path in absent.into_iter().rev() {
            match fs::create_dir(path) {
                Ok(()) => self.directories.push(path.to_owned()),
                // Another program was faster: the directory is not removed again.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes all of it; a directory stays if another program has written into it meanwhile.
    fn remove(&self) -> anyhow::Result<()> {
        for file in self.files.iter().rev() {
            fs::remove_file(file)
                .with_context(|| format!("{} cannot be removed", file.display()))?;
        }
        for directory in self.directories.iter().rev() {
            let removed = fs::remove_dir(directory);
            let is_used =
                removed.as_ref().is_err_and(|error| error.kind() == ErrorKind::DirectoryNotEmpty);
            if !is_used {
                removed.with_context(|| format!("{} cannot be removed", directory.display()))?;
            }
        }
        Ok(())
    }
}

/// The files by their paths.
fn files(args: &InitArgs) -> anyhow::Result<Vec<(String, String)>> {
    let InitArgs { directory: _, template, regions, account } = args;
    let names: Vec<&str> = regions.iter().map(Region::as_str).collect();
    let first = names.first().context("--regions names no region")?;
    let account = account.as_ref().map_or(EXAMPLE_ACCOUNT, AccountId::as_str);
    let fill = |text: &str| {
        text.replace("@ACCOUNT@", account)
            .replace("@REGIONS@", &names.join(", "))
            .replace("@PACK@", template)
            .replace("@WHERE@", &place(template, first))
    };
    let body = TEMPLATES.iter().find(|(name, _)| name == template).map(|(_, text)| *text);
    let body = body.context("there is no such template")?;
    let schema = serde_json::to_string_pretty(&schema().to_value())?;
    Ok(vec![
        ("conformd.yaml".to_owned(), fill(SETTINGS)),
        (format!("packs/{template}.yaml"), fill(PACK)),
        ("packs/.conformdignore".to_owned(), fill(IGNORE)),
        (format!("templates/{template}.yaml"), body.to_owned()),
        ("manifest.schema.json".to_owned(), schema + "\n"),
        (".github/workflows/conformd.yml".to_owned(), fill(WORKFLOW)),
    ])
}

/// IAM is a global service: in more than one region, each finding would be counted again.
fn place(template: &str, first: &str) -> String {
    if template == "iam-baseline" {
        format!("  regions: [{first}]   # IAM is recorded in one region only\n")
    } else {
        "  # regions: [us-east-1]   # default: all regions of the settings\n".to_owned()
    }
}

fn next(args: &InitArgs) -> String {
    let enter = if args.directory == Path::new(".") {
        String::new()
    } else {
        format!("  cd {}\n", args.directory.display())
    };
    let account = if args.account.is_none() {
        "First set aws.expectedAccountId in conformd.yaml to the account that owns the packs.\n"
    } else {
        ""
    };
    format!(
        "{account}Next:\n{enter}  \
         conformd validate -c conformd.yaml     # offline\n  \
         conformd iam-policy -c conformd.yaml   # the permissions that conformd needs\n  \
         conformd check -c conformd.yaml        # settings and permissions against AWS\n  \
         conformd plan -c conformd.yaml         # what would change\n\
         The mode is observe: nothing is written to AWS until you change it.\n"
    )
}
