//! Tables without lines: a sign, a key, and columns that fit the terminal.

use comfy_table::{ContentArrangement, Table, presets};

use super::Layout;

/// Columns between two columns.
const GAP: u16 = 2;
/// The narrowest terminal that is laid out for; narrower ones break lines themselves.
const WIDTH_MIN: u16 = 40;

/// A titled list of rows, each with its sign; nothing without rows.
pub(super) fn section<const N: usize>(
    title: &str,
    rows: Vec<[String; N]>,
    layout: Layout,
) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = bare(layout.width);
    table.add_rows(rows);
    format!("{title}\n{}", drawn(&mut table))
}

/// A table without any lines.
fn bare(width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match width {
        Some(width) => table
            .set_width(width.max(WIDTH_MIN))
            .set_content_arrangement(ContentArrangement::Dynamic),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table
}

/// The table as lines: two spaces, the sign, and the columns.
fn drawn(table: &mut Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    if let Some(sign) = table.column_mut(0) {
        sign.set_padding((2, 1));
    }
    table.trim_fmt().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Packs against regions: as many tables below each other as the width asks for.
pub(super) struct Grid<'a> {
    regions: Vec<&'a str>,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    sign: &'a str,
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
        sign: &'a str,
        pack: &'a str,
        cells: impl Iterator<Item = String>,
    ) {
        self.rows.push(Row { sign, pack, cells: cells.collect() });
    }

    pub(super) fn render(&self, width: Option<u16>) -> String {
        let mut tables = Vec::new();
        let mut from = 0;
        while from < self.regions.len() {
            let count = self.fitting(from, width);
            tables.push(self.part(from, count, width));
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
        let room = usize::from(width.max(WIDTH_MIN)).saturating_sub(key.saturating_add(4 + gap));
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

    fn part(&self, from: usize, count: usize, width: Option<u16>) -> String {
        let mut table = bare(width);
        let heads = self.regions.iter().skip(from).take(count).copied();
        table.add_row([" ", "PACK"].into_iter().chain(heads));
        for Row { sign, pack, cells } in &self.rows {
            let cells = cells.iter().skip(from).take(count).map(String::as_str);
            table.add_row([*sign, *pack].into_iter().chain(cells));
        }
        drawn(&mut table)
    }
}
