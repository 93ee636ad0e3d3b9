//! Errors as pages: a browser gets an HTML page, every other client JSON.

use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::html;

use super::parts::{foreign, sign};
use super::shell::Frame;
use crate::domain::present::view::text::layout::LineSign;
use crate::http::Server;
use crate::http::answer::ErrorPage;

/// Where programs ask, whatever they accept.
const FOR_PROGRAMS: [&str; 5] = ["/api/", "/metrics", "/healthz", "/readyz", "/assets/"];

/// Whether an error is to be worded for a person: a page is asked for, by a browser.
pub(in crate::http) fn is_for_people(request: &Request) -> bool {
    let path = request.uri().path();
    !FOR_PROGRAMS.iter().any(|prefix| path.starts_with(prefix)) && prefers_html(request.headers())
}

/// Whether HTML is named, and liked no less than JSON (RFC 9110, 12.5.1).
fn prefers_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<(&str, f32)> = lines.flat_map(|line| line.split(',')).map(range).collect();
    let liking = |media: &str| {
        let named = ranges.iter().filter(|(range, _)| range.eq_ignore_ascii_case(media));
        named.map(|(_, quality)| *quality).reduce(f32::max)
    };
    let json = liking("application/json").unwrap_or_default();
    liking("text/html").is_some_and(|html| html > 0.0 && html >= json)
}

/// A media range and how much it is liked.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q="));
    (media, quality.and_then(|quality| quality.parse().ok()).unwrap_or(1.0))
}

/// The same answer, worded for a person if it is an error; its headers stay.
pub(in crate::http) fn worded(server: &Server, response: Response) -> Response {
    let Some(ErrorPage(message)) = response.extensions().get().cloned() else { return response };
    let status = response.status();
    let title = match status {
        StatusCode::NOT_FOUND => "not found",
        StatusCode::BAD_REQUEST => "not understood",
        _ => "no answer",
    };
    let main = html! {
        h1 { (sign(LineSign::ActionRequired)) " " (title) }
        p class="lead" { (foreign(&message)) }
        p { "Status " (status.as_u16()) ". " a href="/" { "Back to the overview" } }
    };
    let about = server.state.current.about.borrow().clone();
    let frame = Frame { title, here: None, main };
    let page = frame.within(&about, server.state.current.clock.aws_now());
    let (mut head, _) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    let (form, body) = page.into_parts();
    head.headers.extend(form.headers);
    Response::from_parts(head, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        prefers_html(&headers)
    }

    #[test]
    fn browsers_prefer_html_and_programs_do_not() {
        assert!(check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(check("application/json;q=0.5, text/html"));
        for program in [
            "*/*",
            "",
            "application/json",
            "text/html;q=0",
            "text/html;q=0.1, \
            application/json",
        ] {
            assert!(!check(program), "{program}");
        }
        assert!(!prefers_html(&HeaderMap::new()));
    }
}
