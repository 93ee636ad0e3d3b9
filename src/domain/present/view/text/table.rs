//! Lists and tables without lines: a sign, columns that stand beneath each other, and details
//! beneath their row, broken to the width of the terminal.

use comfy_table::{ContentArrangement, Table, presets};

use super::layout::{Layout, LineSign};

/// Columns between two columns.
const GAP: u16 = 2;
/// The narrowest terminal that is laid out for; narrower ones break lines themselves.
const WIDTH_MIN: u16 = 40;
/// What details are indented by: six spaces or more take their row's colour.
const INDENT: &str = "      ";

/// One entry of a list.
pub(super) struct Item<const N: usize> {
    /// How it is marked.
    pub(super) sign: LineSign,
    /// Its first line, in columns.
    pub(super) row: [String; N],
    /// What else is to be said, each on lines of its own.
    pub(super) details: Vec<String>,
}

impl<const N: usize> Item<N> {
    /// An entry of one line.
    pub(super) fn new(sign: LineSign, row: [String; N]) -> Self {
        Self { sign, row, details: Vec::new() }
    }
}

/// A titled list; nothing without entries.
pub(super) fn section<const N: usize>(title: &str, items: &[Item<N>], layout: Layout) -> String {
    if items.is_empty() {
        return String::new();
    }
    let rows = items.iter().map(|item| {
        [item.sign.as_str().to_owned()].into_iter().chain(item.row.iter().cloned()).collect()
    });
    let mut text = format!("{title}\n");
    for (line, item) in aligned(rows.collect()).iter().zip(items) {
        text.push_str(line);
        text.push('\n');
        text.extend(item.details.iter().map(|detail| broken(detail, layout.width)));
    }
    text
}

/// Rows as lines: two spaces, the sign, and the columns beneath each other.
fn aligned(rows: Vec<Vec<String>>) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    if let Some(sign) = table.column_mut(0) {
        sign.set_padding((2, 1));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// A text on indented lines of at most this width; words stay whole.
fn broken(text: &str, width: Option<u16>) -> String {
    let room = width
        .map_or(usize::MAX, |width| usize::from(width.max(WIDTH_MIN)).saturating_sub(INDENT.len()));
    let (mut lines, mut used) = (INDENT.to_owned(), 0_usize);
    for word in text.split(' ') {
        let length = word.chars().count();
        // A word that is longer than the line stays whole: it may be an ARN that is copied.
        if used > 0 && used.saturating_add(length).saturating_add(1) > room {
            lines.push('\n');
            lines.push_str(INDENT);
            used = 0;
        }
        if used > 0 {
            lines.push(' ');
            used = used.saturating_add(1);
        }
        lines.push_str(word);
        used = used.saturating_add(length);
    }
    lines.push('\n');
    lines
}

/// Packs against regions: as many tables below each other as the width asks for.
pub(super) struct Grid<'a> {
    regions: Vec<&'a str>,
    rows: Vec<TextRow<'a>>,
}

struct TextRow<'a> {
    sign: LineSign,
    pack: &'a str,
    cells: Vec<String>,
}

impl<'a> Grid<'a> {
    pub(super) fn new(regions: impl Iterator<Item = &'a str>) -> Self {
        Self { regions: regions.collect(), rows: Vec::new() }
    }

    /// A pack with its cell in each region, in order.
    pub(super) fn row(
        &mut self,
        sign: LineSign,
        pack: &'a str,
        cells: impl Iterator<Item = String>,
    ) {
        self.rows.push(TextRow { sign, pack, cells: cells.collect() });
    }

    pub(super) fn render(&self, width: Option<u16>) -> String {
        let mut tables = Vec::new();
        let mut from = 0;
        while from < self.regions.len() {
            let count = self.fitting(from, width);
            tables.push(self.part(from, count));
            from = from.saturating_add(count);
        }
        tables.join("\n")
    }

    /// How many columns fit from this one on; one at least.
    fn fitting(&self, from: usize, width: Option<u16>) -> usize {
        let Some(width) = width else { return self.regions.len() };
        let gap = usize::from(GAP);
        let key = self.rows.iter().map(|row| row.pack.len()).max().unwrap_or_default();
        // Two spaces, the sign and a space.
        let room = usize::from(width.max(WIDTH_MIN)).saturating_sub(key.saturating_add(4));
        let columns = self.regions.iter().enumerate().skip(from).map(|(at, region)| {
            let cells = self.rows.iter().filter_map(|row| row.cells.get(at)).map(String::len);
            cells.max().unwrap_or_default().max(region.len()).saturating_add(gap)
        });
        let sums = columns.scan(0_usize, |sum, column| {
            *sum = sum.saturating_add(column);
            Some(*sum)
        });
        sums.take_while(|sum| *sum <= room).count().max(1)
    }

    fn part(&self, from: usize, count: usize) -> String {
        let heads = self.regions.iter().skip(from).take(count).copied();
        let mut rows = vec![
            [LineSign::Fine.as_str(), "PACK"].into_iter().chain(heads).map(str::to_owned).collect(),
        ];
        rows.extend(self.rows.iter().map(|TextRow { sign, pack, cells }| {
            let cells = cells.iter().skip(from).take(count).map(String::as_str);
            [sign.as_str(), *pack].into_iter().chain(cells).map(str::to_owned).collect()
        }));
        aligned(rows).into_iter().map(|line| line + "\n").collect()
    }
}
