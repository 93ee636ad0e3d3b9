//! Access to the server: which host names it answers for, and who may ask for a reconciliation,
//! which needs the token and is refused while none is configured.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// Shorter tokens can be guessed: 16 random characters hold at least 64 bits even in hexadecimal.
const TOKEN_LENGTH_MIN: usize = 16;

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Whether these headers name this machine: `localhost`, a loopback address, or nothing, as no
/// browser does. Any other name reached a loopback address because a web page made its own name
/// point here (DNS rebinding), so that its scripts could read the answer.
pub(super) fn names_this_machine(headers: &HeaderMap) -> bool {
    headers.get_all(HOST).iter().all(|value| {
        let authority = value.to_str().ok().and_then(|text| text.parse::<Authority>().ok());
        authority.is_some_and(|authority| {
            let host = authority.host().trim_start_matches('[').trim_end_matches(']');
            host.eq_ignore_ascii_case("localhost")
                || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        })
    })
}

/// A secret that proves its bearer. Only its digest is kept.
#[derive(Clone)]
pub struct BearerToken([u8; 32]);

/// A token that is too short to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the token has fewer than {TOKEN_LENGTH_MIN} characters")]
pub struct Weak;

impl BearerToken {
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

impl fmt::Debug for BearerToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(hidden)")
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum AccessRefusal {
    /// A web page asks; ours has no such button.
    #[error("requests of web pages are refused")]
    WebPage,
    /// Nobody may, not even on this machine: whoever shares it is not thereby trusted.
    #[error("refused: no token is configured; set http.tokenFile to a file that contains one")]
    Unconfigured,
    /// It has to be shown.
    #[error("a bearer token is needed: the one in http.tokenFile")]
    NoToken,
    /// Another token.
    #[error("the token is wrong")]
    WrongToken,
}

impl AccessRefusal {
    /// The status code of the refusal.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::WebPage | Self::Unconfigured => StatusCode::FORBIDDEN,
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
        }
    }
}

/// Whether a request with these headers may ask for a reconciliation.
pub(super) fn may_ask(
    headers: &HeaderMap,
    token: Option<&BearerToken>,
) -> Result<(), AccessRefusal> {
    // Browsers send `Origin` with every POST of a page (Fetch standard, "Origin header"). A page of
    // another site could otherwise use a browser that reaches this server.
    if headers.contains_key(ORIGIN) {
        return Err(AccessRefusal::WebPage);
    }
    let token = token.ok_or(AccessRefusal::Unconfigured)?;
    let given = headers.get(AUTHORIZATION).ok_or(AccessRefusal::NoToken)?;
    let bearer = given.to_str().ok().and_then(bearer);
    if bearer.is_some_and(|given| token.is(given)) {
        Ok(())
    } else {
        Err(AccessRefusal::WrongToken)
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    const SECRET: &str = "correct horse battery staple";
    fn check(headers: &[(&'static str, &str)], token: Option<&str>) -> String {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let token = token.map(|token| BearerToken::new(token).unwrap());
        match may_ask(&headers, token.as_ref()) {
            Ok(()) => "rings".to_owned(),
            Err(refusal) => format!("{} {refusal}", refusal.status().as_u16()),
        }
    }

    #[test]
    fn only_the_bearer_of_the_token_may_ask_and_nobody_without_one() {
        let good = format!("Bearer {SECRET}");
        let shown = ("authorization", good.as_str());
        let cases: [(&[_], _); 5] = [
            (&[shown], Some(SECRET)),
            (&[], Some(SECRET)),
            (&[], None),
            (&[shown], None),
            (&[shown, ("origin", "http://127.0.0.1:9464")], Some(SECRET)),
        ];
        let told = cases.map(|(headers, token)| check(headers, token));
        insta::assert_snapshot!(told.join("\n"), @"
        rings
        401 a bearer token is needed: the one in http.tokenFile
        403 refused: no token is configured; set http.tokenFile to a file that contains one
        403 refused: no token is configured; set http.tokenFile to a file that contains one
        403 requests of web pages are refused
        ");
    }

    #[test]
    fn only_localhost_and_loopback_addresses_name_this_machine() {
        let names =
            |host: &str| names_this_machine(&[(HOST, host.parse().unwrap())].into_iter().collect());
        for host in ["localhost", "LocalHost:8080", "127.0.0.1:9464", "127.1.2.3", "[::1]:9464"] {
            assert!(names(host), "{host}");
        }
        let others =
            ["evil.example", "localhost.evil.example:9464", "192.0.2.1", "[::2]", "", "a b"];
        for host in others {
            assert!(!names(host), "{host}");
        }
        assert!(names_this_machine(&HeaderMap::new()));
    }

    #[test]
    fn another_token_is_refused() {
        for wrong in ["Bearer wrong", "Basic Og==", "Bearer", "", &format!("Bearer {SECRET}x")] {
            let given = [("authorization", wrong)];
            assert_eq!(check(&given, Some(SECRET)), "401 the token is wrong");
        }
    }

    #[test]
    fn a_token_is_long_and_never_shown() {
        assert_eq!(BearerToken::new(" short\n").unwrap_err(), Weak);
        let token = BearerToken::new(&format!("{SECRET}\n")).unwrap();
        assert!(token.is(SECRET));
        assert_eq!(format!("{token:?}"), "Token(hidden)");
    }
}
