//! `conformd man`: manual pages, for packages and for readers without this repository.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::exit::WrongName;
use super::terminal::print;
use crate::domain::base::nearest::did_you_mean;

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The command whose page to print [default: the page of conformd].
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Option<String>,
    /// Write all pages to this directory, such as /usr/local/share/man/man1.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints a page, or writes all of them.
pub(super) fn run(args: &ManArgs, mut program: clap::Command) -> anyhow::Result<ExitCode> {
    // Options of every command are given to each only now.
    program.build();
    if let Some(directory) = &args.dir {
        write_all(directory, &program)?;
    } else if let Some(name) = &args.command {
        print(&page(name, chosen(&program, name)?)?)?;
    } else {
        print(&page("", &program)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_all(directory: &Path, program: &clap::Command) -> anyhow::Result<()> {
    let write = |name: &str, text: String| {
        let file = directory.join(name);
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    };
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    write("conformd.1", page("", program)?)?;
    for command in commands(program) {
        let name = command.get_name();
        write(&format!("conformd-{name}.1"), page(name, command)?)?;
    }
    Ok(())
}

fn commands(program: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    program.get_subcommands().filter(|command| command.get_name() != "help")
}

fn chosen<'c>(program: &'c clap::Command, name: &str) -> Result<&'c clap::Command, WrongName> {
    let found = commands(program).find(|command| command.get_name() == name);
    found.ok_or_else(|| {
        let hint = did_you_mean(name, commands(program).map(clap::Command::get_name));
        let hint = hint.unwrap_or_else(|| "`conformd help` lists all commands".to_owned());
        WrongName(format!("there is no command {name}; {hint}"))
    })
}

/// A page in roff. Pages of commands are called as git's are: `conformd-plan`.
fn page(name: &str, command: &clap::Command) -> anyhow::Result<String> {
    let mut command = command.clone();
    if !name.is_empty() {
        command = command.name(format!("conformd-{name}")).bin_name(format!("conformd {name}"));
    }
    let version = env!("CARGO_PKG_VERSION");
    let mut roff = Vec::new();
    clap_mangen::Man::new(command)
        .source(format!("conformd {version}"))
        .manual("conformd")
        .render(&mut roff)?;
    Ok(String::from_utf8(roff)?)
}
