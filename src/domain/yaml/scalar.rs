//! Scalars: what plain text means, and where YAML 1.1 and 1.2 disagree about it.

/// Text, a number, a boolean or null, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text after escapes and folding.
    pub text: Box<str>,
    /// How it was written.
    pub style: Style,
    /// What it means (YAML 1.2 core schema).
    pub meaning: Meaning,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: its meaning depends on the text.
    Plain,
    /// In single or double quotes, or folded (`>`).
    Quoted,
    /// A literal block (`|`), whose lines stand in the file as they are.
    Literal,
}

/// What a scalar means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number, kept as it is written.
    Integer,
    /// Any other number, kept as it is written.
    Float,
    /// Text.
    Text,
}

impl Meaning {
    /// Its name with an article.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Null => "nothing (null)",
            Self::Bool(_) => "a boolean",
            Self::Integer | Self::Float => "a number",
            Self::Text => "text",
        }
    }

    /// What plain text means in YAML 1.2's core schema.
    pub(super) fn of_plain(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "true" | "True" | "TRUE" => Self::Bool(true),
            "false" | "False" | "FALSE" => Self::Bool(false),
            _ if is_integer(text) => Self::Integer,
            _ if is_float(text) => Self::Float,
            _ => Self::Text,
        }
    }
}

impl Scalar {
    /// Whether it is a number, whole or not.
    pub fn is_number(&self) -> bool {
        matches!(self.meaning, Meaning::Integer | Meaning::Float)
    }

    /// Whether a YAML 1.1 reader, as AWS's is assumed to be, makes something else of it: `yes`,
    /// `010`, `1:30`, `1_000`, a date.
    pub fn is_ambiguous(&self) -> bool {
        self.style == Style::Plain && differs_in_yaml_1_1(&self.text)
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_integer(text: &str) -> bool {
    let digits = |prefix: &str, check: fn(&u8) -> bool| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.as_bytes().iter().all(check))
    };
    all_digits(unsigned(text))
        || digits("0o", |byte| (b'0'..=b'7').contains(byte))
        || digits("0x", u8::is_ascii_hexdigit)
}

fn is_float(text: &str) -> bool {
    let body = unsigned(text);
    if matches!(body, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => all_digits(fraction),
        Some((whole, fraction)) => {
            all_digits(whole) && (fraction.is_empty() || all_digits(fraction))
        }
        None => all_digits(mantissa),
    };
    mantissa_fits && exponent.is_none_or(|exponent| all_digits(unsigned(exponent)))
}

fn differs_in_yaml_1_1(text: &str) -> bool {
    is_old_bool(text) || text == "=" || is_old_number(text) || is_date(text)
}

fn is_old_bool(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let capitalised = |word: &str| {
        text == word.to_ascii_uppercase()
            || text == word
            || text.strip_prefix(|first: char| first.is_ascii_uppercase()) == word.get(1..)
    };
    matches!(&*lower, "y" | "n" | "yes" | "no" | "on" | "off") && capitalised(&lower)
}

/// `010`, `0o10`, `0b1`, `1_000`, `1:30`, `1e3`.
fn is_old_number(text: &str) -> bool {
    let body = unsigned(text);
    let octal = body.len() > 1 && body.starts_with('0') && all_digits(body);
    let prefixed = (body.starts_with("0o") || body.starts_with("0b")) && is_integer_like(body);
    let exponent_alone =
        body.contains(['e', 'E']) && !body.contains('.') && is_float(text) && !is_integer(text);
    let underscored = body.contains('_')
        && body.starts_with(|first: char| first.is_ascii_digit())
        && (is_integer_like(body) || is_float(&body.replace('_', "")));
    octal || prefixed || exponent_alone || underscored || is_sexagesimal(body)
}

fn is_integer_like(body: &str) -> bool {
    let digits = body.replace('_', "");
    let binary = digits.strip_prefix("0b").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte == b'0' || byte == b'1')
    });
    binary || is_integer(&digits)
}

fn is_sexagesimal(body: &str) -> bool {
    let mut parts = body.split(':');
    let first_fits = parts.next().is_some_and(|first| {
        first.starts_with(|digit: char| digit.is_ascii_digit())
            && all_digits(&first.replace('_', ""))
    });
    let mut rest = parts.map(|part| part.split('.').next().unwrap_or_default()).peekable();
    first_fits
        && rest.peek().is_some()
        && rest.all(|part| all_digits(part) && part.len() <= 2 && part < "60")
}

/// `2010-09-09`, alone or with a time after it.
fn is_date(text: &str) -> bool {
    let date_end = text.find(['T', 't', ' ', '\t']).unwrap_or(text.len());
    let (date, time) = text.split_at(date_end);
    let mut parts = date.split('-');
    let mut fits = |lengths: std::ops::RangeInclusive<usize>| {
        parts.next().is_some_and(|part| all_digits(part) && lengths.contains(&part.len()))
    };
    let has_time = || {
        time.trim_start_matches(['T', 't', ' ', '\t'])
            .starts_with(|first: char| first.is_ascii_digit())
            && time.contains(':')
    };
    fits(4..=4)
        && fits(1..=2)
        && fits(1..=2)
        && parts.next().is_none()
        && (time.is_empty() || has_time())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(text: &str) -> Meaning {
        Meaning::of_plain(text)
    }

    #[test]
    fn plain_text_means_what_the_core_schema_says() {
        for null in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(meaning(null), Meaning::Null, "{null}");
        }
        for integer in ["0", "-1", "+7", "010", "0o17", "0xfF", "111122223333"] {
            assert_eq!(meaning(integer), Meaning::Integer, "{integer}");
        }
        for float in ["1.0", "1.", ".5", "-1e3", "1.5E-7", ".inf", "-.INF", ".nan"] {
            assert_eq!(meaning(float), Meaning::Float, "{float}");
        }
        for text in ["yes", "on", "1_000", "1:30", "2010-09-09", "nUll", "0b1", "e3", ".", "-", "+"]
        {
            assert_eq!(meaning(text), Meaning::Text, "{text}");
        }
        assert_eq!(meaning("True"), Meaning::Bool(true));
        assert_eq!(meaning("FALSE"), Meaning::Bool(false));
    }

    #[test]
    fn what_the_two_versions_of_yaml_read_differently_is_ambiguous() {
        let differing = "yes Yes YES no on Off y N 010 -010 0o10 0b101 1:30 190:20:30 1_000 \
             1_000.5 1e3 2010-09-09 2010-9-9 2001-12-14T21:59:43Z =";
        for text in differing.split_whitespace() {
            assert!(differs_in_yaml_1_1(text), "{text}");
        }
        let same = "true null 10 -1 1.5 0 0x1F yess oN yEs 1.2.3.4 a:b 10.0.0.0/8 2010-09 \
             s3://bucket arn:aws:iam::aws:policy/x ou-ab12-1 1:90 _1 a_b __ none 8.0";
        for text in same.split_whitespace() {
            assert!(!differs_in_yaml_1_1(text), "{text}");
        }
    }
}
