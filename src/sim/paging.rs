//! Listings page by page: tokens that only fit the listing they came from, and the oddities of
//! order and emptiness.
//!
//! A token holds a place in an order, not a name, so that entries that come and go between two
//! pages make others appear twice or not at all, as in AWS.

use super::knobs::Paging;
use super::random::{Permutation, draw};
use super::timeline::after;
use crate::domain::base::model::{Digest, Timestamp};

/// What a token is bound to.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokenBinding<'a> {
    pub(super) seed: u64,
    pub(super) paging: &'a Paging,
    pub(super) now: Timestamp,
    /// The number of this call: distinguishes listings that begin at the same moment.
    pub(super) call: u64,
    /// Operation, caller, region and filter.
    pub(super) scope: [&'a str; 4],
}

/// A token that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadToken;

/// A place in a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    place: usize,
    page: u64,
    listing: u64,
    issued: i64,
}

/// One page.
#[derive(Debug)]
pub(super) struct Cut<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

impl TokenBinding<'_> {
    /// The page that `token` asks for: at most `limit` of the entries that `pick` finds among
    /// `0..count`.
    pub(super) fn cut<T>(
        &self,
        token: Option<&str>,
        count: usize,
        limit: usize,
        pick: impl Fn(usize) -> Option<T>,
    ) -> Result<Cut<T>, BadToken> {
        let cursor = match token {
            Some(token) => self.open(token)?,
            None => self.begin(),
        };
        // AWS Organizations may return an empty page with a token: a client that stops there reads
        // a short list.
        if self.paging.empty_pages && cursor.page % 2 == 1 {
            let next = Some(self.seal(Cursor { page: cursor.page + 1, ..cursor }));
            return Ok(Cut { items: Vec::new(), next });
        }
        let page_max = self.paging.page_max.and_then(|max| usize::try_from(max).ok());
        let limit = page_max.map_or(limit, |max| limit.min(max)).max(1);
        let order = if self.paging.shuffled {
            Permutation::drawn(count, cursor.listing)
        } else {
            Permutation::identity(count)
        };
        let mut items = Vec::new();
        for place in cursor.place..count {
            let Some(item) = pick(order.at(place)) else { continue };
            // The next token is issued only when another entry follows, so that the last page is
            // never empty by accident.
            if items.len() == limit {
                let next = Some(self.seal(Cursor { place, page: cursor.page + 1, ..cursor }));
                return Ok(Cut { items, next });
            }
            items.push(item);
        }
        Ok(Cut { items, next: None })
    }

    fn begin(&self) -> Cursor {
        let listing = draw(self.seed, &self.scope, self.call);
        Cursor { place: 0, page: 0, listing, issued: self.now.as_millisecond() }
    }

    fn seal(&self, cursor: Cursor) -> String {
        let Cursor { place, page, listing, issued: _ } = cursor;
        let issued = self.now.as_millisecond();
        let body = format!("{place:x}-{page:x}-{listing:x}-{issued:x}");
        format!("{body}-{}", self.signature(&body))
    }

    fn open(&self, token: &str) -> Result<Cursor, BadToken> {
        let (body, signature) = token.rsplit_once('-').ok_or(BadToken)?;
        // The signature binds a token to operation, caller, region and filter: AWS refuses tokens
        // of another listing.
        if signature != self.signature(body) {
            return Err(BadToken);
        }
        let mut fields = body.split('-').map(|field| u64::from_str_radix(field, 16));
        let mut field = || fields.next().and_then(Result::ok).ok_or(BadToken);
        let place = usize::try_from(field()?).map_err(|_| BadToken)?;
        let (page, listing) = (field()?, field()?);
        let issued = i64::try_from(field()?).map_err(|_| BadToken)?;
        let cursor = Cursor { place, page, listing, issued };
        match self.paging.token_life {
            Some(life) if self.is_expired(issued, life) => Err(BadToken),
            Some(_) | None => Ok(cursor),
        }
    }

    fn is_expired(&self, issued: i64, life: std::time::Duration) -> bool {
        let issued = Timestamp::from_millisecond(issued).unwrap_or(Timestamp::MIN);
        after(issued, life) < self.now
    }

    fn signature(&self, body: &str) -> String {
        let [operation, account, region, filter] = self.scope;
        let seed = self.seed.to_be_bytes();
        let text = [operation, account, region, filter, body].map(str::as_bytes);
        let [operation, account, region, filter, body] = text;
        Digest::of([seed.as_slice(), operation, account, region, filter, body]).to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listing<'a>(paging: &'a Paging, region: &'a str) -> TokenBinding<'a> {
        let scope = ["List", "111111111111", region, ""];
        TokenBinding { seed: 7, paging, now: Timestamp::UNIX_EPOCH, call: 1, scope }
    }

    proptest! {
        #[test]
        fn following_tokens_shows_every_entry_once(
            count in 0_usize..250,
            limit in 1_usize..100,
            shuffled: bool,
            empty_pages: bool,
        ) {
            let paging = Paging { shuffled, empty_pages, ..Paging::default() };
            let listing = listing(&paging, "eu-west-1");
            let (mut seen, mut token, mut tokens) = (Vec::new(), None, Vec::new());
            loop {
                let page = listing.cut(token.as_deref(), count, limit, Some).unwrap();
                seen.extend(page.items);
                let Some(next) = page.next else { break };
                prop_assert!(!tokens.contains(&next));
                tokens.push(next.clone());
                token = Some(next);
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_token_fits_only_its_own_listing_and_time() {
        let paging =
            Paging { token_life: Some(std::time::Duration::from_mins(1)), ..Paging::default() };
        let here = listing(&paging, "eu-west-1");
        let token = here.cut(None, 3, 1, Some).unwrap().next.unwrap();
        let answer = |listing: TokenBinding<'_>, token: &str| {
            listing.cut(Some(token), 3, 1, Some).map(|page| page.items)
        };
        assert_eq!(answer(here, &token), Ok(vec![1]));
        assert_eq!(answer(listing(&paging, "us-east-1"), &token), Err(BadToken));
        assert_eq!(answer(here, &format!("{token}0")), Err(BadToken));
        let later = Timestamp::from_second(61).unwrap();
        assert_eq!(answer(TokenBinding { now: later, ..here }, &token), Err(BadToken));
    }
}
