//! What rendering does to published templates: bytes before and after, and how long it takes.
//!
//! Prints a table and its figures: `cargo bench --bench templates`. The templates are not part of
//! the project: `CONFORMD_CORPUS` names their folder [default: `../shared/corpus`].

#![expect(clippy::print_stdout, reason = "the table is the output")]
#![expect(clippy::disallowed_methods, reason = "the one thing that measures real time")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use conformd::domain::base::limits::INLINE_BYTES;
use conformd::domain::declared::snapshot::SourcePath;
use conformd::domain::declared::template::Template;

const ROUNDS: u32 = 20;

/// The published templates by name.
fn corpus() -> std::io::Result<Vec<(String, String)>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("CONFORMD_CORPUS").map_or_else(beside, PathBuf::from);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|suffix| suffix == "yaml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(path)?));
        }
    }
    files.sort();
    Ok(files)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = match corpus() {
        Ok(files) => files,
        Err(error) => {
            println!("no published templates here ({error}): CONFORMD_CORPUS names their folder");
            return Ok(());
        }
    };
    println!("{:75} {:>5} {:>8} {:>8}", "template", "rules", "original", "rendered");
    let (mut before, mut after, mut largest, mut took) = (0, 0, 0, Duration::ZERO);
    for (name, text) in &files {
        let path = SourcePath::new(name).map_err(|_| format!("{name} is no path"))?;
        let read = || Template::parse(&path, text).map_err(|found| format!("{name}: {found:?}"));
        let (template, _) = read()?;
        let bytes = template.body.len();
        println!("{name:75} {:5} {:8} {bytes:8}", template.census.rules, text.len());
        (before, after, largest) = (before + text.len(), after + bytes, bytes.max(largest));
        let start = Instant::now();
        for _ in 0..ROUNDS {
            drop(read()?);
        }
        took += start.elapsed() / ROUNDS;
    }
    let count = files.len();
    println!("\n{count} templates, {before} bytes, {after} bytes rendered with the marker");
    println!("the largest takes {largest} of {} bytes", INLINE_BYTES.upper);
    println!("read, judged, rendered and read back: {:.1} ms for all", took.as_secs_f64() * 1e3);
    if INLINE_BYTES.upper < largest {
        return Err("a published template does not fit inline".into());
    }
    Ok(())
}
