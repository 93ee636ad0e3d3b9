//! What people are shown of packs and accounts, and how it reads.

use conformd::domain::view::account::account;
use conformd::domain::view::status::status;
use conformd::domain::view::text::{self, Layout};
use insta::assert_snapshot;

use crate::people::{facts, id};

#[test]
fn the_status_says_first_what_needs_a_person_and_by_when() {
    assert_snapshot!(text::status(&status(&facts()), Layout::default()), @"");
}

#[test]
fn the_wide_status_names_accounts_and_ages() {
    let layout = Layout { wide: true, ..Layout::default() };
    assert_snapshot!(text::status(&status(&facts()), layout), @"");
}

#[test]
fn a_narrow_terminal_breaks_columns_not_words() {
    let layout = Layout { width: Some(72), wide: false };
    assert_snapshot!(text::status(&status(&facts()), layout), @"");
}

#[test]
fn an_account_is_explained_place_by_place() {
    for digit in ['2', '4', '5', '6', '7', '8'] {
        let text = text::account(&account(&facts(), id(digit), None).unwrap(), Layout::default());
        println!("{text}\n=====");
    }
}
