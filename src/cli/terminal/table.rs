//! Tables with borders, as wide as the terminal.

use comfy_table::{ContentArrangement, Table, presets};

use super::layout;

/// A table that has this head and no rows yet.
pub(in crate::cli) fn bordered<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = layout(false).width {
        table.set_width(width);
    }
    table.set_header(head);
    table
}
