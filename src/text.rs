//! Views as plain text: the same for the command line and for `?format=text`.
//!
//! What a text says is decided in [`crate::domain::present::view::text`]. Here it becomes lines:
//! a sign, columns that stand beneath each other, and details beneath their row, broken to the
//! width of the terminal. Colors are the command line's.

pub mod csv;

use comfy_table::{ContentArrangement, Table, presets};
use textwrap::{Options, WordSplitter, WrapAlgorithm};

use crate::domain::present::view::account::AccountView;
use crate::domain::present::view::status::StatusView;
use crate::domain::present::view::text::layout::{
    GridRow, LineSign, TextGrid, TextList, TextPage, TextPart,
};
use crate::domain::present::view::text::{account_page, status_page};

/// Columns between two columns.
const GAP: u16 = 2;
/// The narrowest terminal that is laid out for; narrower ones break lines themselves.
const WIDTH_MIN: u16 = 40;
/// What details are indented by: six spaces or more take their row's colour.
const INDENT: &str = "      ";

/// How much is said, and how wide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layout {
    /// Columns of the terminal; `None`: lines are as long as they are.
    pub width: Option<u16>,
    /// Whether names, counts and ages of every pack are said too.
    pub wide: bool,
}

/// The status: the answer first, then what is not as it should be.
pub fn status(view: &StatusView, layout: Layout) -> String {
    page(&status_page(view, layout.wide), layout.width)
}

/// The explanation of one account: the answer first, then who it is, then place by place.
pub fn account(view: &AccountView, layout: Layout) -> String {
    page(&account_page(view), layout.width)
}

fn page(page: &TextPage, width: Option<u16>) -> String {
    let TextPage { head, parts } = page;
    let mut text = head.join("\n") + "\n";
    for part in parts {
        text.push('\n');
        text.push_str(&match part {
            TextPart::List(of) => list(of, width),
            TextPart::Grid(of) => grid(of, width),
        });
    }
    text
}

fn list(list: &TextList, width: Option<u16>) -> String {
    let TextList { title, items, notes } = list;
    let rows = items.iter().map(|item| {
        [item.sign.as_str()].into_iter().chain(item.row.iter().map(String::as_str)).collect()
    });
    let mut text = if items.is_empty() { String::new() } else { format!("{title}\n") };
    for (line, item) in aligned(rows).iter().zip(items) {
        text.push_str(line);
        text.push('\n');
        text.extend(item.details.iter().map(|detail| broken(detail, width)));
    }
    text.extend(notes.iter().map(|note| format!("{INDENT}{note}\n")));
    text
}

/// Rows as lines: two spaces, the sign, and the columns beneath each other.
fn aligned<'a>(rows: impl IntoIterator<Item = Vec<&'a str>>) -> Vec<String> {
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
pub(crate) fn broken(text: &str, width: Option<u16>) -> String {
    let options = Options::new(width.map_or(usize::MAX, |width| width.max(WIDTH_MIN).into()))
        .initial_indent(INDENT)
        .subsequent_indent(INDENT)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::fill(text, options) + "\n"
}

/// Packs against regions: as many tables below each other as the width asks for.
fn grid(grid: &TextGrid, width: Option<u16>) -> String {
    let mut tables = Vec::new();
    let mut from = 0;
    while from < grid.regions.len() {
        let count = fitting(grid, from, width);
        tables.push(table(grid, from, count));
        from = from.saturating_add(count);
    }
    tables.join("\n")
}

/// How many columns fit from this one on; one at least.
fn fitting(grid: &TextGrid, from: usize, width: Option<u16>) -> usize {
    let Some(width) = width else { return grid.regions.len() };
    let gap = usize::from(GAP);
    let key = grid.rows.iter().map(|row| row.pack.len()).max().unwrap_or_default();
    // Two spaces, the sign and a space.
    let room = usize::from(width.max(WIDTH_MIN)).saturating_sub(key.saturating_add(4));
    let columns = grid.regions.iter().enumerate().skip(from).map(|(at, region)| {
        let cells = grid.rows.iter().filter_map(|row| row.cells.get(at)).map(String::len);
        cells.max().unwrap_or_default().max(region.len()).saturating_add(gap)
    });
    let sums = columns.scan(0_usize, |sum, column| {
        *sum = sum.saturating_add(column);
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= room).count().max(1)
}

/// The columns of some regions.
fn table(grid: &TextGrid, from: usize, count: usize) -> String {
    let heads = grid.regions.iter().skip(from).take(count).map(String::as_str);
    let heads = [LineSign::Fine.as_str(), "PACK"].into_iter().chain(heads).collect();
    let rows = grid.rows.iter().map(|GridRow { sign, pack, cells }| {
        let cells = cells.iter().skip(from).take(count).map(String::as_str);
        [sign.as_str(), pack].into_iter().chain(cells).collect()
    });
    let lines = aligned([heads].into_iter().chain(rows));
    lines.into_iter().map(|line| line + "\n").collect()
}
