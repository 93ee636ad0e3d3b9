use clap::Parser;
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: conformd::cli::validate::Args,
}
fn main() -> anyhow::Result<std::process::ExitCode> {
    conformd::cli::validate::run(&Cli::parse().args)
}
