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
    /// A literal block (`|`), whose lines are in the file unchanged.
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
        // The forms of YAML 1.2, section 10.3.2; numbers come after the fixed words.
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

    /// Whether readers disagree about it. YAML 1.1, which AWS's reader is assumed to implement,
    /// reads `yes`, `010`, `1:30`, `1_000` or a date differently; JSON has no `0x1F`, `.5` or `+1`,
    /// and its readers round whole numbers beyond 2⁵³.
    pub fn is_ambiguous(&self) -> bool {
        // A number in quotes is one by its tag (`!!int "010"`), and is sent without either.
        self.style == Style::Plain && differs_in_yaml_1_1(&self.text)
            || self.is_number() && !is_json_number(&self.text)
    }

    /// Whether it is plain text that YAML 1.1 reads as a date, with or without a time.
    pub fn is_date(&self) -> bool {
        self.style == Style::Plain && is_date(&self.text)
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
    // Only decimal numbers have a sign in YAML 1.2: `-0x1F` is text there.
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
    // `.5` and `5.` are numbers in YAML 1.2, a lone `.` is not.
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => all_digits(fraction),
        Some((whole, fraction)) => {
            all_digits(whole) && (fraction.is_empty() || all_digits(fraction))
        }
        None => all_digits(mantissa),
    };
    mantissa_fits && exponent.is_none_or(|exponent| all_digits(unsigned(exponent)))
}

/// The largest whole number that every reader keeps: JSON's readers may hold it as a float.
const WHOLE_MAX: i64 = (1 << 53) - 1;

/// Whether a number is written as JSON writes it, with a point wherever there is an exponent and a
/// sign within that (YAML 1.1 wants both), and keeps its value in every reader.
fn is_json_number(text: &str) -> bool {
    let body = text.strip_prefix('-').unwrap_or(text);
    let is_whole = |digits: &str| digits == "0" || all_digits(digits) && !digits.starts_with('0');
    match body.split_once('.') {
        None => {
            let is_kept = |whole: i64| (-WHOLE_MAX..=WHOLE_MAX).contains(&whole);
            // JSON readers turn `-0` into 0, and round whole numbers beyond 2^53.
            is_whole(body) && text != "-0" && text.parse().is_ok_and(is_kept)
        }
        Some((whole, rest)) => {
            let (fraction, exponent) = match rest.split_once(['e', 'E']) {
                Some((fraction, exponent)) => (fraction, Some(exponent)),
                None => (rest, None),
            };
            let has_sign =
                |exponent: &str| exponent.starts_with(['+', '-']) && all_digits(unsigned(exponent));
            is_whole(whole)
                && all_digits(fraction)
                && exponent.is_none_or(has_sign)
                && text.parse().is_ok_and(f64::is_finite)
        }
    }
}

fn differs_in_yaml_1_1(text: &str) -> bool {
    // `=` and `<<` are the default key and the merge key of YAML 1.1.
    is_old_bool(text) || matches!(text, "=" | "<<") || is_old_number(text) || is_date(text)
}

fn is_old_bool(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    // YAML 1.1 knows three spellings of each word: `yes`, `Yes` and `YES`, and not `yEs`.
    let capitalised = |word: &str| {
        text == word.to_ascii_uppercase()
            || text == word
            || text.strip_prefix(|first: char| first.is_ascii_uppercase()) == word.get(1..)
    };
    matches!(&*lower, "y" | "n" | "yes" | "no" | "on" | "off") && capitalised(&lower)
}

/// `010`, `0o10`, `0b1`, `-0x1F`, `1_000`, `.5_`, `1:30`, `1e3`.
fn is_old_number(text: &str) -> bool {
    let body = unsigned(text);
    // Each of these is text or another number in YAML 1.2.
    let octal = body.len() > 1 && body.starts_with('0') && all_digits(body);
    let signed_hexadecimal = body.len() < text.len() && body.starts_with("0x");
    let prefixed = (signed_hexadecimal || body.starts_with("0o") || body.starts_with("0b"))
        && is_integer_like(body);
    let exponent_alone =
        body.contains(['e', 'E']) && !body.contains('.') && is_float(text) && !is_integer(text);
    let underscored = body.contains('_')
        && body.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && (is_integer_like(body) || is_float(&body.replace('_', "")));
    octal || prefixed || exponent_alone || underscored || is_sexagesimal(body)
}

fn is_integer_like(body: &str) -> bool {
    // YAML 1.1 allows underscores between digits.
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
    // `1:30` is 90 in YAML 1.1: every part after the first is below 60.
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
    // YAML 1.1 also allows white space before the time.
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
        let differing = "yes Yes YES no on Off y N 010 -010 0o10 0b101 -0x1F 1:30 190:20:30 1_000 \
             1_000.5 .5_0 1e3 2010-09-09 2010-9-9 2001-12-14T21:59:43Z = <<";
        for text in differing.split_whitespace() {
            assert!(differs_in_yaml_1_1(text), "{text}");
            assert!(plain(text).is_ambiguous(), "{text}");
        }
        let same = "true null 10 -1 1.5 0 0x1F yess oN yEs 1.2.3.4 a:b 10.0.0.0/8 2010-09 \
             s3://bucket arn:aws:iam::aws:policy/x ou-ab12-1 1:90 _1 a_b __ none 8.0 . ._";
        for text in same.split_whitespace() {
            assert!(!differs_in_yaml_1_1(text), "{text}");
        }
    }

    fn plain(text: &str) -> Scalar {
        Scalar { text: text.into(), style: Style::Plain, meaning: meaning(text) }
    }

    #[test]
    fn a_number_that_json_does_not_write_so_is_ambiguous() {
        for text in ["0x1F", "+1", "1.", ".5", ".inf", "-.INF", ".nan", "-0", "1.5e3", "1.e+3"] {
            assert!(plain(text).is_ambiguous(), "{text}");
        }
        for text in ["9007199254740992", "-9007199254740992", "1.0e+999", "99999999999999999999"] {
            assert!(plain(text).is_ambiguous(), "{text}");
        }
        let all_alike = ["0", "-7", "9007199254740991", "111122223333", "1.50", "-0.0", "1.5e+3"];
        for text in all_alike.into_iter().chain(["12.0E-7", "0.1", "true", "~", ""]) {
            assert!(!plain(text).is_ambiguous(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_number_that_all_readers_share_is_one_to_a_json_reader(text in "[-+]?[0-9.eE+-]{1,8}") {
            let scalar = plain(&text);
            if scalar.is_number() && !scalar.is_ambiguous() {
                proptest::prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
            }
        }
    }
}
