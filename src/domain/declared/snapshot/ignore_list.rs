//! `.conformdignore`: which files and directories beneath the source are not to be read, by name.
//!
//! Lines are git's, and one file lists names relative to its own directory. A list can take a
//! manifest out of the source; that its pack is gone then is no evidence either.

use std::collections::BTreeMap;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::{FileContent, SourcePath};
use crate::domain::base::code;
use crate::domain::declared::diagnostic::Diagnostic;
use crate::domain::declared::yaml::span_of_line;

/// The name of the file.
pub const IGNORE_FILE: &str = ".conformdignore";

/// The most patterns of one file that are used (ours): matching uses an automaton that grows with
/// each, and no hand-written file has more.
const PATTERNS_MAX: usize = 1_000;

/// The lists of a source: that of its root, and that of the directory with manifests.
#[derive(Debug, Default)]
pub struct IgnoreList {
    /// By their directory, the deepest first, since it takes precedence.
    lists: Vec<(String, Gitignore)>,
}

impl IgnoreList {
    /// Every list among these files. What is wrong in one is reported by [`list_problems`], and
    /// keeps the rest of its lines in force.
    pub fn of(files: &BTreeMap<SourcePath, FileContent>) -> Self {
        let mut lists: Vec<_> =
            files.iter().filter_map(|(path, content)| list(path, content)).collect();
        lists.sort_by_key(|(folder, _)| std::cmp::Reverse(folder.len()));
        Self { lists }
    }

    /// Whether a name is listed. Names beneath a listed directory are not asked about.
    pub fn holds(&self, path: &SourcePath, is_directory: bool) -> bool {
        for (folder, list) in &self.lists {
            // Patterns are relative to the directory of their file, so a list applies only beneath
            // it.
            let within = match folder.as_str() {
                "" => Some(path.as_str()),
                folder => {
                    path.as_str().strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
                }
            };
            let Some(within) = within else { continue };
            match list.matched(within, is_directory) {
                Match::None => {}
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
            }
        }
        false
    }
}

/// Whether this is a list.
pub fn is_ignore_file(path: &SourcePath) -> bool {
    path.name() == IGNORE_FILE
}

fn list(path: &SourcePath, content: &FileContent) -> Option<(String, Gitignore)> {
    let FileContent::Bytes(bytes) = content else { return None };
    if !is_ignore_file(path) {
        return None;
    }
    let Compiled { list, refused: _ } = compile(std::str::from_utf8(bytes).ok()?);
    Some((path.folder().to_owned(), list.ok()?))
}

/// The lines of one file.
struct Compiled {
    list: Result<Gitignore, ignore::Error>,
    /// Lines that are no patterns, by their numbers from 0.
    refused: Vec<(usize, ignore::Error)>,
}

fn compile(text: &str) -> Compiled {
    let mut builder = GitignoreBuilder::new("");
    let mut refused = Vec::new();
    for (number, line) in lines(text).take(PATTERNS_MAX) {
        if let Err(error) = builder.add_line(None, line) {
            refused.push((number, error));
        }
    }
    Compiled { list: builder.build(), refused }
}

/// Lines that may be patterns, with their numbers from 0.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().enumerate().filter(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    })
}

/// What is wrong in a list.
pub fn list_problems(path: &SourcePath, text: &str) -> Vec<Diagnostic> {
    let Compiled { list, refused } = compile(text);
    let refused = refused.into_iter().map(|(number, error)| {
        let found = format!("this is not a pattern: {error}");
        Diagnostic::error(path, Some(span_of_line(text, number)), code::IGNORE_PATTERN, found)
    });
    let mut problems: Vec<Diagnostic> = refused.collect();
    if let Err(error) = list {
        let found = format!("these patterns cannot be used together: {error}");
        problems.push(Diagnostic::error(path, None, code::IGNORE_PATTERN, found));
    }
    if let Some((number, _)) = lines(text).nth(PATTERNS_MAX) {
        let found = format!("more than {PATTERNS_MAX} patterns");
        let span = Some(span_of_line(text, number));
        let problem = Diagnostic::error(path, span, code::IGNORE_PATTERN, found);
        problems.push(problem.hint("move the files out of the source path instead"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> SourcePath {
        SourcePath::new(text).unwrap()
    }

    fn lists(files: &[(&str, &str)]) -> IgnoreList {
        let bytes = |text: &str| FileContent::Bytes(text.as_bytes().into());
        IgnoreList::of(&files.iter().map(|(name, text)| (path(name), bytes(text))).collect())
    }

    #[test]
    fn lines_mean_what_they_mean_to_git() {
        let list = lists(&[(
            ".conformdignore",
            "\u{feff}# tools\r\nkustomization.yaml\r\n/packs/root.yaml\n*.tmp.yaml\n\
             !keep.tmp.yaml\nci/\npacks/**/draft.yaml\n\n  \nvalues.yaml  \n\
             with\\ space.yaml\n\\#odd.yaml\n",
        )]);
        let file = |name| list.holds(&path(name), false);
        for name in [
            "kustomization.yaml",
            "packs/deep/kustomization.yaml",
            "packs/root.yaml",
            "packs/a.tmp.yaml",
            "packs/draft.yaml",
            "packs/a/b/draft.yaml",
            "values.yaml",
            "with space.yaml",
            "#odd.yaml",
        ] {
            assert!(file(name), "{name}");
        }
        for name in ["packs/a.yaml", "other/packs/root.yaml", "keep.tmp.yaml", "ci", "draft.yaml"] {
            assert!(!file(name), "{name}");
        }
        assert!(list.holds(&path("packs/ci"), true));
    }

    #[test]
    fn the_deeper_list_has_the_last_word() {
        let list = lists(&[
            (".conformdignore", "a.yaml\nb.yaml\n"),
            ("packs/.conformdignore", "!a.yaml\n/c.yaml\n"),
        ]);
        let held = ["a.yaml", "b.yaml", "c.yaml", "packs/a.yaml", "packs/b.yaml", "packs/c.yaml"]
            .map(|name| list.holds(&path(name), false));
        assert_eq!(held, [true, true, false, false, true, true]);
    }

    #[test]
    fn a_line_that_is_no_pattern_is_named_and_the_others_hold() {
        let text = "ok.yaml\n[z-a].yaml\n{a\nalso.yaml\n";
        let problems = list_problems(&path(".conformdignore"), text);
        let lines: Vec<_> = problems.iter().filter_map(|found| Some(found.span?.line)).collect();
        assert_eq!(lines, [2, 3], "{problems:?}");
        let list = lists(&[(".conformdignore", text)]);
        assert!(list.holds(&path("also.yaml"), false) && list.holds(&path("ok.yaml"), false));
        assert_eq!(list_problems(&path(".conformdignore"), &"x\n".repeat(1_001)).len(), 1);
        assert!(list_problems(&path(".conformdignore"), &"x\n".repeat(1_000)).is_empty());
    }
}
