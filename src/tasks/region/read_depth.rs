//! How many member rows a command reads, its progress, and the result.

/// How much a command reads before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadDepth {
    /// Members in trouble, of packs whose aggregate says that there are any.
    Trouble,
    /// Every member of every pack.
    Full,
}

/// The progress of a command's reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Packs that were read.
    pub done: usize,
    /// Packs to read.
    pub all: usize,
    /// Pages of rows so far.
    pub pages: usize,
}

/// What reading members came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberReadResult {
    /// Whether a plan could come out differently now.
    pub matters: bool,
}
