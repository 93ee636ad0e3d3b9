//! Reading a listing to its end: all pages or an error, never a part.
//!
//! Empty pages with a token are not the end; a token that repeats, or more pages than any
//! organization can have, is a broken answer; a refused token starts the listing again.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use thiserror::Error;

use crate::cloud::{CloudError, Page, PageToken};
use crate::domain::base::failure::FailureKind;

/// More pages than this are an endless listing: 50,000 accounts (AWS Organizations quota) in pages
/// of 20 are 2,500.
const PAGES_MAX: usize = 5_000;
/// How often a listing starts again when AWS refuses its own token: a token may expire or lose its
/// meaning once, and a listing that restarts forever would never report an error.
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

/// A listing that is read page by page: the next token, and whether the pages make sense so far.
/// The caller keeps the entries.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    token: Option<PageToken>,
    tokens: BTreeSet<PageToken>,
    pages: usize,
    restarts: usize,
}

/// The meaning of one answer for its listing.
#[derive(Debug)]
pub enum PageStep<T> {
    /// Entries, and another page follows.
    More(Vec<T>),
    /// The last entries.
    Last(Vec<T>),
    /// The listing begins again: entries that were read are discarded.
    Again,
}

impl Listing {
    /// The token of the page to ask for.
    pub fn token(&self) -> Option<PageToken> {
        self.token.clone()
    }

    /// Advances by the answer for that page. Requesting a page twice and using one answer is fine.
    pub fn advance<T>(
        &mut self,
        answer: Result<Page<T>, CloudError>,
    ) -> Result<PageStep<T>, Incomplete> {
        let page = match answer {
            Ok(page) => page,
            // A refused token invalidates the whole listing: pages from before and after it may be
            // of different snapshots, so the caller discards them.
            Err(error) if error.kind == FailureKind::BadToken && self.restarts < RESTARTS_MAX => {
                *self = Self { restarts: self.restarts.saturating_add(1), ..Self::default() };
                return Ok(PageStep::Again);
            }
            Err(error) => return Err(Incomplete::Page(error)),
        };
        self.pages = self.pages.saturating_add(1);
        let Some(next) = page.next else { return Ok(PageStep::Last(page.items)) };
        // A repeated token would read the same pages forever; new tokens without end are stopped by
        // the number of pages. Neither may count as a complete listing.
        if !self.tokens.insert(next.clone()) {
            return Err(Incomplete::Endless("a token repeats"));
        }
        if self.pages >= PAGES_MAX {
            return Err(Incomplete::Endless("too many pages"));
        }
        self.token = Some(next);
        Ok(PageStep::More(page.items))
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
    let (mut listing, mut entries) = (Listing::default(), BTreeMap::new());
    let keyed = |entry: T| (key(&entry), entry);
    loop {
        match listing.advance(fetch(listing.token()).await)? {
            PageStep::More(items) => entries.extend(items.into_iter().map(keyed)),
            PageStep::Again => entries.clear(),
            PageStep::Last(items) => {
                entries.extend(items.into_iter().map(keyed));
                return Ok(entries.into_values().collect());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt as _;
    use proptest::prelude::*;
    use strum::IntoEnumIterator as _;

    use super::*;
    use crate::cloud::Op;

    fn failed(kind: FailureKind) -> CloudError {
        let op = Op::ListAccounts;
        CloudError { op, place: "eu-west-1".to_owned(), kind, source: "no".into() }
    }

    /// Serves these pages by their number, which is the token; counts the calls.
    fn read(
        pages: &[Result<Vec<u32>, FailureKind>],
        calls: &AtomicUsize,
    ) -> Result<Vec<u32>, Incomplete> {
        let fetch = |token: Option<PageToken>| {
            calls.fetch_add(1, Ordering::Relaxed);
            let number: usize = token.map_or(0, |token| token.0.parse().unwrap());
            let next = (number + 1 < pages.len()).then(|| PageToken((number + 1).to_string()));
            let page = match &pages[number] {
                Ok(items) => Ok(Page { items: items.clone(), next }),
                Err(kind) => Err(failed(*kind)),
            };
            std::future::ready(page)
        };
        read_all(fetch, |item| *item).now_or_never().expect("nothing here waits")
    }

    /// Serves pages without items, each with the token that `next` makes of the last one.
    fn read_tokens(
        next: impl Fn(Option<usize>) -> usize + Send + Sync,
        calls: &AtomicUsize,
    ) -> Incomplete {
        let fetch = |token: Option<PageToken>| {
            calls.fetch_add(1, Ordering::Relaxed);
            let next = next(token.map(|token| token.0.parse().unwrap()));
            let next = Some(PageToken(next.to_string()));
            std::future::ready(Ok(Page { items: Vec::<u32>::new(), next }))
        };
        read_all(fetch, |item| *item).now_or_never().expect("nothing here waits").unwrap_err()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, ..Default::default() })]

        #[test]
        fn any_split_into_pages_reads_as_one_list(
            pages in proptest::collection::vec(proptest::collection::vec(0_u32..50, 0..5), 1..20),
        ) {
            let whole: BTreeSet<u32> = pages.iter().flatten().copied().collect();
            let calls = AtomicUsize::new(0);
            let pages: Vec<_> = pages.into_iter().map(Ok).collect();
            let items = read(&pages, &calls).unwrap();
            prop_assert_eq!(items, whole.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(calls.into_inner(), pages.len());
        }

        #[test]
        fn a_missing_page_is_never_a_shorter_list(
            before in 0_usize..10,
            after in 0_usize..10,
            kind in proptest::sample::select(FailureKind::iter().collect::<Vec<_>>()),
        ) {
            let page = || Ok(vec![1]);
            let mut pages: Vec<_> = std::iter::repeat_with(page).take(before).collect();
            pages.push(Err(kind));
            pages.extend(std::iter::repeat_with(page).take(after));
            let incomplete = read(&pages, &AtomicUsize::new(0)).unwrap_err();
            prop_assert_eq!(incomplete.kind(), kind);
        }

        #[test]
        fn tokens_that_go_round_in_a_circle_are_noticed_after_one_round(circle in 1_usize..30) {
            let calls = AtomicUsize::new(0);
            let next = |token: Option<usize>| token.map_or(0, |token| (token + 1) % circle);
            let incomplete = read_tokens(next, &calls);
            prop_assert_eq!(incomplete.kind(), FailureKind::BrokenAnswer);
            prop_assert_eq!(calls.into_inner(), circle + 1);
        }
    }

    #[test]
    fn an_endless_listing_ends_at_the_cap() {
        let calls = AtomicUsize::new(0);
        let incomplete = read_tokens(|token| token.map_or(0, |token| token + 1), &calls);
        assert_eq!(incomplete.to_string(), "the listing does not end: too many pages");
        assert_eq!(calls.into_inner(), PAGES_MAX);
    }

    #[test]
    fn a_refused_token_starts_the_listing_again_three_times_and_no_more() {
        for (refusals, is_read) in [(1, true), (3, true), (4, false)] {
            let left = AtomicUsize::new(refusals);
            let fetch = |token: Option<PageToken>| {
                let refuse = |left: usize| left.checked_sub(1);
                let is_refused = token.is_some()
                    && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refuse).is_ok();
                let page = match token {
                    Some(_) if is_refused => Err(failed(FailureKind::BadToken)),
                    Some(_) => Ok(Page { items: vec![2_u32], next: None }),
                    None => Ok(Page { items: vec![1], next: Some(PageToken("x".to_owned())) }),
                };
                std::future::ready(page)
            };
            let items = read_all(fetch, |item| *item).now_or_never().expect("nothing here waits");
            assert_eq!(items.ok(), is_read.then(|| vec![1, 2]), "{refusals} refusals");
        }
    }

    #[test]
    fn an_entry_that_is_listed_twice_is_read_as_it_was_seen_last() {
        let pages = [vec![("a", 1), ("b", 1)], vec![], vec![("a", 2)]];
        let fetch = |token: Option<PageToken>| {
            let number: usize = token.map_or(0, |token| token.0.parse().unwrap());
            let next = (number < 2).then(|| PageToken((number + 1).to_string()));
            std::future::ready(Ok(Page { items: pages[number].clone(), next }))
        };
        let items = read_all(fetch, |(name, _)| *name).now_or_never().expect("nothing here waits");
        assert_eq!(items.unwrap(), [("a", 2), ("b", 1)]);
    }
}
