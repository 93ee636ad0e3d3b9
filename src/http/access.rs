//! Who may ring the bell: somebody on this machine who is no web page, or who knows the token.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::http::header::{AUTHORIZATION, FORWARDED, ORIGIN, VIA};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// Shorter tokens can be guessed: 16 random characters hold at least 64 bits even in hexadecimal.
const TOKEN_LENGTH_MIN: usize = 16;

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// A secret that proves its bearer. Only its digest is kept.
#[derive(Clone)]
pub struct Token([u8; 32]);

/// A token that is too short to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the token has fewer than {TOKEN_LENGTH_MIN} characters")]
pub struct Weak;

impl Token {
    /// The token that this text is; white space around it is no part of it.
    pub fn new(text: &str) -> Result<Self, Weak> {
        let text = text.trim();
        if text.chars().count() < TOKEN_LENGTH_MIN { Err(Weak) } else { Ok(Self(digest(text))) }
    }

    /// Whether this is the token; takes the same time whatever it is.
    fn is(&self, text: &str) -> bool {
        self.0.ct_eq(&digest(text)).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(hidden)")
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Why somebody may not ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    /// A web page asks; ours has no such button.
    #[error("requests of web pages are refused")]
    WebPage,
    /// There is no token, and the peer is elsewhere or behind a proxy.
    #[error("only this machine may ask: no token is configured")]
    Elsewhere,
    /// A token would be needed.
    #[error("a bearer token is needed")]
    NoToken,
    /// Another token.
    #[error("this is not the token")]
    WrongToken,
}

impl Refusal {
    /// The status code that says so.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::WebPage | Self::Elsewhere => StatusCode::FORBIDDEN,
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
        }
    }
}

/// Headers that a proxy on this machine adds: its peer is not the one who asks.
const PROXIED: [HeaderName; 3] = [FORWARDED, VIA, HeaderName::from_static("x-forwarded-for")];

/// Whether this peer may ring the bell.
pub(super) fn may_ring(
    peer: Peer,
    headers: &HeaderMap,
    token: Option<&Token>,
) -> Result<(), Refusal> {
    if headers.contains_key(ORIGIN) {
        return Err(Refusal::WebPage);
    }
    if let Some(given) = headers.get(AUTHORIZATION) {
        let bearer = given.to_str().ok().and_then(bearer);
        let matches = bearer.zip(token).is_some_and(|(given, token)| token.is(given));
        return if matches { Ok(()) } else { Err(Refusal::WrongToken) };
    }
    let is_proxied = PROXIED.iter().any(|name| headers.contains_key(name));
    if is_local(peer.0.ip()) && !is_proxied {
        return Ok(());
    }
    Err(if token.is_some() { Refusal::NoToken } else { Refusal::Elsewhere })
}

fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "correct horse battery staple";
    const HERE: &str = "127.0.0.1:1000";
    const MAPPED: &str = "[::ffff:127.0.0.1]:1000";
    const ELSEWHERE: &str = "192.0.2.1:1000";

    fn check(peer: &str, headers: &[(&'static str, &str)], token: Option<&str>) -> String {
        let peer = Peer(peer.parse().unwrap());
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let token = token.map(|token| Token::new(token).unwrap());
        match may_ring(peer, &headers, token.as_ref()) {
            Ok(()) => "rings".to_owned(),
            Err(refusal) => format!("{} {refusal}", refusal.status().as_u16()),
        }
    }

    const PAGE: &str = "403 requests of web pages are refused";
    const ONLY_HERE: &str = "403 only this machine may ask: no token is configured";

    #[test]
    fn this_machine_rings_and_elsewhere_needs_the_token() {
        let good = format!("Bearer {SECRET}");
        assert_eq!(check(HERE, &[], None), "rings");
        assert_eq!(check(MAPPED, &[], None), "rings");
        assert_eq!(check("[::1]:1000", &[], Some(SECRET)), "rings");
        assert_eq!(check(ELSEWHERE, &[("authorization", &good)], Some(SECRET)), "rings");
        assert_eq!(check(ELSEWHERE, &[], None), ONLY_HERE);
        assert_eq!(check(ELSEWHERE, &[], Some(SECRET)), "401 a bearer token is needed");
    }

    #[test]
    fn a_web_page_never_rings_and_a_local_proxy_is_not_this_machine() {
        let good = format!("Bearer {SECRET}");
        let page = ("origin", "http://127.0.0.1:9464");
        assert_eq!(check(HERE, &[page], None), PAGE);
        assert_eq!(check(HERE, &[page, ("authorization", &good)], Some(SECRET)), PAGE);
        let proxied = ("x-forwarded-for", "192.0.2.1");
        assert_eq!(check(HERE, &[proxied], None), ONLY_HERE);
    }

    #[test]
    fn whoever_shows_a_wrong_token_is_refused_wherever_he_is() {
        for wrong in ["Bearer wrong", "Basic Og==", "Bearer", "", &format!("Bearer {SECRET}x")] {
            let given = ("authorization", wrong);
            assert_eq!(check(HERE, &[given], Some(SECRET)), "401 this is not the token");
            assert_eq!(check(HERE, &[given], None), "401 this is not the token");
        }
    }

    #[test]
    fn a_token_is_long_and_never_shown() {
        assert_eq!(Token::new(" short\n").unwrap_err(), Weak);
        let token = Token::new(&format!("{SECRET}\n")).unwrap();
        assert!(token.is(SECRET));
        assert_eq!(format!("{token:?}"), "Token(hidden)");
    }
}
