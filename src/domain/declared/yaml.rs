//! YAML and JSON text as a tree in which every node knows its place.
//!
//! One parse serves typed reading, digests, rendering and carets under findings. The tree
//! keeps what other readers lose: tags, quoting, and where everything stood. It is read by
//! [`read`], within a budget; anchors, aliases and merge keys are refused, since `CloudFormation`
//! refuses them too. Nothing here knows what a manifest or a template is.

mod ambiguous;
mod character;
mod json;
mod place;
mod reader;
mod scalar;
pub mod tree;
mod unicode;

pub use ambiguous::{Ambiguous, ambiguous};
pub(super) use character::{is_exotic_space, joining};
pub use json::json_problem;
pub(crate) use place::span_of_line;
use reader::read_delivered;
pub use reader::{YamlDocument, decode, read};
pub use scalar::{Meaning, Scalar, Style};
pub(super) use unicode::first_hidden;

use super::diagnostic::{Diagnostic, Severity};
use super::snapshot::SourcePath;
use crate::domain::declared::yaml::tree::YamlNode;

/// The documents of an author's text, or everything that is wrong with it.
pub fn parse(path: &SourcePath, text: &str) -> Result<Vec<YamlNode>, Vec<Diagnostic>> {
    sound(read(path, text))
}

/// The same of a text that an earlier release wrote: whatever characters it holds, they are taken.
pub fn parse_delivered(path: &SourcePath, text: &str) -> Result<Vec<YamlNode>, Vec<Diagnostic>> {
    sound(read_delivered(path, text))
}

fn sound(documents: Vec<YamlDocument>) -> Result<Vec<YamlNode>, Vec<Diagnostic>> {
    let mut roots = Vec::new();
    let mut problems = Vec::new();
    for document in documents {
        roots.extend(document.root);
        problems.extend(document.problems);
    }
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        Err(problems)
    } else {
        Ok(roots)
    }
}
