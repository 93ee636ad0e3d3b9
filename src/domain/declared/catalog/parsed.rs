//! The files of the source, each parsed once for as long as its content stays the same.

use std::collections::{BTreeMap, BTreeSet};

use super::intake::ParsedFile;
use crate::domain::base::model::Digest;
use crate::domain::declared::snapshot::{FileContent, SourcePath};

/// What parses one file: [`ParsedFile::of`], unless a test counts the calls.
pub type FileParser = fn(&SourcePath, &FileContent) -> ParsedFile;

/// The files that were read last, parsed: which templates they name is known before those are read,
/// and the catalog is made of the same values.
#[derive(Debug)]
pub struct ParsedManifests {
    parser: FileParser,
    /// Each file, and the digest of the content that it was parsed from.
    files: BTreeMap<SourcePath, (Digest, ParsedFile)>,
}

impl Default for ParsedManifests {
    fn default() -> Self {
        Self::new(ParsedFile::of)
    }
}

impl ParsedManifests {
    /// No file yet.
    pub fn new(parser: FileParser) -> Self {
        Self { parser, files: BTreeMap::new() }
    }

    /// Takes these files in place of those before, and says which template files their manifests
    /// name, whether they are there or not. A file with the same content as before is not parsed.
    pub fn update(&mut self, files: &BTreeMap<SourcePath, FileContent>) -> BTreeSet<SourcePath> {
        let mut before = std::mem::take(&mut self.files);
        for (path, content) in files {
            let digest = content.digest();
            let known = before.remove(path).filter(|(known, _)| *known == digest);
            let entry = known.unwrap_or_else(|| (digest, (self.parser)(path, content)));
            self.files.insert(path.clone(), entry);
        }
        let files = self.files.values();
        files.flat_map(|(_, file)| file.templates_named()).cloned().collect()
    }

    /// Every file, in the order of paths.
    pub(super) fn files(&self) -> impl Iterator<Item = (&SourcePath, &ParsedFile)> + Clone {
        self.files.iter().map(|(path, (_, file))| (path, file))
    }
}
