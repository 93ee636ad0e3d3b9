//! The width of a text, and the sign before a line.

/// How much is said, and how wide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layout {
    /// Columns of the terminal; `None`: lines are as long as they are.
    pub width: Option<u16>,
    /// Whether names, counts and ages of every pack are said too.
    pub wide: bool,
}

/// How a line is marked; of several, the last of these counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineSign {
    /// As it should be.
    Fine,
    /// Under way, or mended without anybody's doing.
    Moving,
    /// Not known.
    Dark,
    /// A person is needed.
    Needy,
}

impl LineSign {
    /// The character.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => " ",
            Self::Moving => "~",
            Self::Dark => "?",
            Self::Needy => "!",
        }
    }
}
