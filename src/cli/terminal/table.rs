//! Tables with borders, as wide as the terminal.

use comfy_table::{ContentArrangement, Table, presets};

use super::layout;

/// The width where there is no terminal: an error text of AWS makes no row of hundreds of columns.
const FILE_WIDTH: u16 = 160;

/// A table that has this head and no rows yet.
pub(in crate::cli) fn bordered<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(layout(false).width.unwrap_or(FILE_WIDTH));
    table.set_header(head);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_wrapped_where_there_is_no_terminal() {
        let mut table = bordered(["region", "result"]);
        table.add_row(["us-east-1".to_owned(), "refused ".repeat(40)]);
        let widest = table.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= usize::from(FILE_WIDTH), "{table}");
        assert_eq!(table.to_string().matches("refused").count(), 40, "{table}");
    }
}
