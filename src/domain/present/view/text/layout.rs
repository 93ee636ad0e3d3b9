//! What a text consists of before it becomes lines: signs, rows and details.

/// A text for people: the answer, then what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPage {
    /// The first lines.
    pub head: Vec<String>,
    /// What follows, with an empty line before each.
    pub parts: Vec<TextPart>,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextPart {
    /// Rows with details beneath them.
    List(TextList),
    /// Packs against regions.
    Grid(TextGrid),
}

/// A titled list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextList {
    /// Stands above its entries, if there are any.
    pub title: String,
    /// Its entries.
    pub items: Vec<TextItem>,
    /// Lines after all entries.
    pub notes: Vec<String>,
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextItem {
    /// How it is marked.
    pub sign: LineSign,
    /// Its first line, in columns.
    pub row: Vec<String>,
    /// What else is to be said, each on lines of its own.
    pub details: Vec<String>,
}

/// Packs as rows, regions as columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextGrid {
    /// The regions.
    pub regions: Vec<String>,
    /// A row for each pack.
    pub rows: Vec<GridRow>,
}

/// A pack with its cell in each region, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GridRow {
    /// How it is marked.
    pub sign: LineSign,
    /// The pack.
    pub pack: String,
    /// A text for each region.
    pub cells: Vec<String>,
}

impl TextItem {
    /// An entry of one line.
    pub(super) fn new(sign: LineSign, row: impl Into<Vec<String>>) -> Self {
        Self { sign, row: row.into(), details: Vec::new() }
    }
}

impl TextList {
    pub(super) fn new(title: &str, items: impl IntoIterator<Item = TextItem>) -> Self {
        let items = items.into_iter().collect();
        Self { title: title.to_owned(), items, notes: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty() && self.notes.is_empty()
    }
}

impl TextPart {
    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::List(list) => list.is_empty(),
            Self::Grid(grid) => grid.rows.is_empty(),
        }
    }
}

/// How a line is marked; of several, the last of these counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineSign {
    /// As it should be.
    Fine,
    /// In progress, or resolved automatically.
    Moving,
    /// Not known.
    Unknown,
    /// A person is needed.
    ActionRequired,
}

impl LineSign {
    /// The character.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => " ",
            Self::Moving => "~",
            Self::Unknown => "?",
            Self::ActionRequired => "!",
        }
    }
}
