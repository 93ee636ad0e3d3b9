//! What is asked for after the question mark. A parameter that is not known, or has a value that is
//! none, is refused by name: an answer to another question would be believed.
//!
//! The parameters of a route stand in one table, which also makes the document of the API. A struct
//! for axum's `Query` would say them again, and its refusals name neither ranges nor repetitions.

use std::collections::BTreeMap;
use std::str::FromStr;

use strum::IntoEnumIterator;

use super::parameter::{Parameter, Shape};
use crate::domain::base::untrusted::one_line;

/// Characters of what was asked that are repeated in a refusal.
const ECHO_MAX: usize = 64;

/// The parameters of a request.
#[derive(Debug)]
pub(super) struct QueryParameters(BTreeMap<String, String>);

impl QueryParameters {
    /// Reads them; each has to be among the known ones, and given once.
    pub(super) fn read(query: Option<&str>, known: &[&Parameter]) -> Result<Self, String> {
        let known: Vec<&str> = known.iter().map(|parameter| parameter.name).collect();
        let mut all = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            // An unknown parameter is an error: a misspelled filter that is ignored would answer
            // another question.
            if !known.contains(&&*name) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let name = one_line(&name, ECHO_MAX);
                return Err(format!("there is no parameter {name}; there is {known}"));
            }
            if all.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(format!("{name} is given twice"));
            }
        }
        Ok(Self(all))
    }

    /// Reads what a form sends: a field that was left empty counts as absent.
    pub(super) fn of_form(query: Option<&str>, known: &[&Parameter]) -> Result<Self, String> {
        let mut all = Self::read(query, known)?;
        all.0.retain(|_, value| !value.is_empty());
        Ok(all)
    }

    /// The value of one, if it is given.
    pub(super) fn get<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.0.get(name) else { return Ok(None) };
        let refusal = || format!("{name} is {expected}, not {}", one_line(text, ECHO_MAX));
        parse(text).map(Some).ok_or_else(refusal)
    }

    /// The number that is given for it, if there is one.
    pub(super) fn number(&self, of: &Parameter) -> Result<Option<u64>, String> {
        let Shape::Number { min, max, default: _ } = of.shape else { return Ok(None) };
        let parse = |text: &str| text.parse().ok().filter(|number| (min..=max).contains(number));
        self.get(of.name, &format!("a number from {min} to {max}"), parse)
    }

    /// The one of these things whose word is given for it, if there is one.
    pub(super) fn word<T>(&self, of: &Parameter) -> Result<Option<T>, String>
    where
        T: IntoEnumIterator + Into<&'static str> + FromStr,
    {
        let words: Vec<&str> = T::iter().map(Into::into).collect();
        let expected = match words.as_slice() {
            [one, other] => format!("{one} or {other}"),
            _ => format!("one of {}", words.join(", ")),
        };
        self.get(of.name, &expected, |text| text.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameter::{PAGE, STATUS};
    use super::*;

    fn check(query: &str) -> String {
        let read = QueryParameters::read(Some(query), &[&PAGE, &STATUS]);
        let page =
            |it: QueryParameters| it.get("page", "a number", |text| text.parse::<u32>().ok());
        match read.and_then(page) {
            Ok(page) => format!("{page:?}"),
            Err(refusal) => refusal,
        }
    }

    #[test]
    fn a_refusal_names_the_parameter_and_what_it_takes() {
        let asked = ["", "page=2&status=x", "page=two", "pages=2", "page=1&page=2", "page=%1b%0a"];
        insta::assert_snapshot!(asked.map(check).join("\n"), @r#"
        None
        Some(2)
        page is a number, not two
        there is no parameter pages; there is page, status
        page is given twice
        page is a number, not \u{1b}\n
        "#);
    }
}
