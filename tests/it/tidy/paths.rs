//! Paths of the crate that a file names, in `use` and elsewhere, from the root of the crate.

use super::File;
use super::text::{line_of, words};

/// Modules and at most one name: `crate::domain::base::code` is `[domain, base, code]`.
pub(super) type CratePath = Vec<String>;

/// One path that a file names.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) line: usize,
    pub(super) path: CratePath,
    /// Whether it is passed on to others by `pub use`.
    pub(super) is_export: bool,
}

/// The module that a file is: `src/sim/http/mod.rs` is `[sim, http]`.
pub(super) fn module_of(path: &str) -> CratePath {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    path.split('/').filter(|part| *part != "mod" && *part != "lib").map(str::to_owned).collect()
}

/// Every path that the shipped code of a file names; `children` are the modules right below it,
/// which it may name without `self`.
pub(super) fn named(file: &File<'_>, children: &[&str]) -> Vec<Named> {
    let code = &file.shipped;
    let module = module_of(file.path);
    let heads = ["crate", "conformd", "self", "super"].into_iter().chain(children.iter().copied());
    let mut found = Vec::new();
    for head in heads {
        for at in words(code, head) {
            let before = code[..at].trim_end();
            let is_path = code[at + head.len()..].starts_with("::");
            // `pub(in crate::cli)` says who may see, and imports nothing.
            if !is_path || before.ends_with("::") || before.ends_with("(in") {
                continue;
            }
            let mut rest = &code[at + head.len() + 2..];
            let mut base = match head {
                "crate" | "conformd" => Vec::new(),
                "super" => module.split_last().map(|(_, above)| above.to_vec()).unwrap_or_default(),
                "self" => module.clone(),
                child => [module.clone(), vec![child.to_owned()]].concat(),
            };
            while let Some(above) = rest.strip_prefix("super::") {
                base.pop();
                rest = above;
            }
            let statement = code[..at].rsplit([';', '}']).next().unwrap_or_default().trim();
            let is_export = statement.contains("pub") && statement.ends_with("use");
            let line = line_of(code, at);
            found.extend(tree(rest).into_iter().map(|tail| {
                let path = [base.clone(), tail].concat();
                Named { line, path, is_export }
            }));
        }
    }
    found
}

/// The paths of a use tree that begins here: one, or as many as its groups hold.
fn tree(rest: &str) -> Vec<CratePath> {
    let rest = rest.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        return split(group).into_iter().flat_map(tree).collect();
    }
    let is_part = |character: &char| character.is_alphanumeric() || *character == '_';
    let ident: String = rest.chars().take_while(is_part).collect();
    if ident.is_empty() || ident == "self" {
        return vec![Vec::new()];
    }
    match rest[ident.len()..].strip_prefix("::") {
        Some(rest) => {
            tree(rest).into_iter().map(|tail| [vec![ident.clone()], tail].concat()).collect()
        }
        None => vec![vec![ident]],
    }
}

/// The parts of a group between its commas, up to its closing brace.
fn split(group: &str) -> Vec<&str> {
    let (mut parts, mut level, mut start) = (Vec::new(), 0_usize, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => level += 1,
            '}' if level > 0 => level -= 1,
            '}' | ',' if level == 0 => {
                parts.push(group[start..at].trim());
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}
