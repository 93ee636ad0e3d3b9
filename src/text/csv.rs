//! Lists as CSV (RFC 4180), for spreadsheets.
//!
//! A spreadsheet runs a cell that begins as a formula does. Names and messages are chosen by
//! others, so such a cell begins with an apostrophe instead.

use csv::{Terminator, WriterBuilder};

use crate::domain::base::untrusted::flowing;

/// What a formula begins with (OWASP, "CSV Injection"); spreadsheets read full-width forms alike.
const FORMULA: [char; 10] =
    ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\t', '\r'];

/// One cell: on one line, and never a formula.
pub fn cell(text: &str) -> String {
    let text = flowing(text, usize::MAX);
    let is_number = text.parse::<i64>().is_ok();
    if text.starts_with(FORMULA) && !is_number { format!("'{text}") } else { text }
}

/// The head and the rows as a file.
pub(crate) fn csv_file<const N: usize>(
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let all = [head.map(ToOwned::to_owned)].into_iter().chain(rows);
    for row in all {
        writer.write_record(row).expect("rows are of one length, and memory takes them");
    }
    let bytes = writer.into_inner().expect("memory takes everything");
    String::from_utf8(bytes).expect("rows are text")
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_never_a_formula_and_a_number_stays_one() {
        let texts = ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "-3600", "a=b", "", "x\ny"];
        let cells = texts.map(cell);
        insta::assert_snapshot!(cells.join("\n"), @"
        '=1+1
        '+A1
        '-A1
        '@SUM(A1)
        '=1
        '=1
        -3600
        a=b

        x y
        ");
        let wide = ["\u{ff1d}1", "\u{ff0b}A1", "\u{ff0d}A1", "\u{ff20}SUM(A1)"].map(cell);
        assert!(wide.iter().all(|cell| cell.starts_with('\'')), "{wide:?}");
    }
}
