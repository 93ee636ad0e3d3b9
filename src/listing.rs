//! Reading a listing to its end: all pages or an error, never a part.
//!
//! Empty pages with a token are not the end; a token that repeats, or more pages than any
//! organization can have, is a broken answer; a refused token starts the listing again.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::future::Future;

use thiserror::Error;

use crate::cloud::{CloudError, Page, PageToken};
use crate::domain::failure::FailureKind;

/// More pages than this are an endless listing: 50,000 accounts (AWS Organizations quota) in pages
/// of 20 are 2,500.
const PAGES_MAX: usize = 5_000;
/// How often a listing starts again when AWS refuses its own token (reliability A-08).
const RESTARTS_MAX: usize = 3;

/// A listing that could not be read to its end.
#[derive(Debug, Error)]
pub enum Incomplete {
    /// A page could not be read.
    #[error("a page of the listing is missing")]
    Page(#[source] CloudError),
    /// The pages make no sense.
    #[error("the listing does not end: {0}")]
    Endless(&'static str),
}

impl Incomplete {
    /// The kind of failure behind it.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Page(error) => error.kind,
            Self::Endless(_) => FailureKind::BrokenAnswer,
        }
    }
}

/// Reads every page; entries with an equal key are one entry, the later wins.
pub async fn read_all<T, K, F>(
    fetch: impl Fn(Option<PageToken>) -> F + Send,
    key: impl Fn(&T) -> K + Send,
) -> Result<Vec<T>, Incomplete>
where
    F: Future<Output = Result<Page<T>, CloudError>> + Send,
    T: Send,
    K: Ord + Send,
{
    let mut restarts = 0_usize;
    loop {
        match read_once(&fetch, &key).await {
            Err(Incomplete::Page(error))
                if error.kind == FailureKind::BadToken && restarts < RESTARTS_MAX =>
            {
                restarts = restarts.saturating_add(1);
            }
            end => return end,
        }
    }
}

async fn read_once<T, K, F>(
    fetch: &(impl Fn(Option<PageToken>) -> F + Send),
    key: &(impl Fn(&T) -> K + Send),
) -> Result<Vec<T>, Incomplete>
where
    F: Future<Output = Result<Page<T>, CloudError>> + Send,
    T: Send,
    K: Ord + Send,
{
    let mut entries = BTreeMap::new();
    let mut tokens = BTreeSet::new();
    let mut token: Option<PageToken> = None;
    for _ in 0..PAGES_MAX {
        let page = fetch(token).await.map_err(Incomplete::Page)?;
        entries.extend(page.items.into_iter().map(|entry| (key(&entry), entry)));
        let Some(next) = page.next else {
            return Ok(entries.into_values().collect());
        };
        if !tokens.insert(next.clone()) {
            return Err(Incomplete::Endless("a token repeats"));
        }
        token = Some(next);
    }
    Err(Incomplete::Endless("too many pages"))
}

/// An error and its causes on one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
