//! `AllowedPattern` is an expression of Java's: rewritten for our reader where the two differ, or
//! refused where Java refuses it, too. What may mean something else in Java is not judged.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

use fancy_regex::Regex;

/// Why a pattern is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// Java refuses it: why.
    Broken(&'static str),
    /// Java may read it, or reads it differently.
    Foreign,
}

/// Line ends, which `.` does not match in Java.
const DOT: &str = r"[^\n\r\x{85}\x{2028}\x{2029}]";

/// Classes of Java that hold ASCII characters only, as they are written within brackets here.
const CLASSES: &[(&str, &str)] = &[
    ("Lower", "[:lower:]"),
    ("Upper", "[:upper:]"),
    ("ASCII", "[:ascii:]"),
    ("Alpha", "[:alpha:]"),
    ("Digit", "[:digit:]"),
    ("Alnum", "[:alnum:]"),
    ("Punct", "[:punct:]"),
    ("Graph", "[:graph:]"),
    ("Print", "[:print:]"),
    ("Blank", "[:blank:]"),
    ("Cntrl", "[:cntrl:]"),
    ("XDigit", "[:xdigit:]"),
    ("Space", "[:space:]"),
];

/// Letters that mean the same after a backslash in both.
const SAME: &str = "aefnrtxAzbBk";

/// Letters that mean something after a backslash in Java alone, or in other readers.
const FOREIGN: &str = "cuvVhHGKNQERXZ";

/// Whether a pattern matches a whole value; `None` if that is unknown.
pub(super) fn matches(pattern: &str, value: &str) -> Option<bool> {
    // Java ignores the case of ASCII letters only, and its versions differ in the edges of words.
    let is_plain = pattern.is_ascii() && value.is_ascii();
    let has_edges = pattern.contains(r"\b") || pattern.contains(r"\B");
    if !is_plain && (has_edges || flags(pattern).contains('i')) {
        return None;
    }
    compiled(pattern).ok()?.is_match(value).ok()
}

pub(super) fn compiled(pattern: &str) -> Result<Regex, Unread> {
    let rewritten = Rewriting::of(pattern)?;
    Regex::new(&format!(r"\A(?:{rewritten})\z")).map_err(|_| Unread::Foreign)
}

/// The letters of every `(?…)` that sets flags.
fn flags(pattern: &str) -> String {
    let groups = pattern.split("(?").skip(1);
    groups.flat_map(|group| group.chars().take_while(char::is_ascii_alphabetic)).collect()
}

/// What a repetition may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Preceding {
    Nothing,
    Something,
    /// A repetition, which `?` and `+` may still change.
    Repetition,
    Changed,
}

/// What precedes the next character within brackets: it decides whether a `-` there makes a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Nothing, a whole range, or a class: `-` is itself.
    Whole,
    /// A character, which may begin a range.
    Single,
    /// A character and `-`.
    Open,
}

struct Rewriting<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
    groups: usize,
    /// Brackets that are open.
    brackets: usize,
    within: Within,
    before: Preceding,
    /// Names of groups.
    names: BTreeSet<String>,
    dot: &'static str,
}

impl<'p> Rewriting<'p> {
    fn of(pattern: &'p str) -> Result<String, Unread> {
        let flags = flags(pattern);
        let mut this = Self {
            rest: pattern.chars().peekable(),
            out: String::new(),
            groups: 0,
            brackets: 0,
            within: Within::Whole,
            before: Preceding::Nothing,
            names: BTreeSet::new(),
            dot: if flags.contains('s') { "." } else { DOT },
        };
        while let Some(next) = this.rest.next() {
            if this.brackets == 0 { this.outside(next)? } else { this.inside(next)? }
        }
        // What is not closed is an error for certain, so it comes before "unknown to this reader".
        if 0 < this.brackets {
            return Err(Unread::Broken("a [ is not closed"));
        }
        if 0 < this.groups {
            return Err(Unread::Broken("a ( is not closed"));
        }
        if flags.contains(['x', 'd', 'u', 'U']) { Err(Unread::Foreign) } else { Ok(this.out) }
    }

    fn outside(&mut self, next: char) -> Result<(), Unread> {
        match next {
            '\\' => {
                self.escape()?;
                self.before = Preceding::Something;
            }
            '[' => self.bracket()?,
            '(' => {
                self.groups += 1;
                self.out.push('(');
                if self.rest.next_if_eq(&'?').is_some() {
                    self.out.push('?');
                    self.group()?;
                }
                self.before = Preceding::Nothing;
            }
            ')' => {
                let open = self.groups.checked_sub(1);
                self.groups = open.ok_or(Unread::Broken("a ) has no ("))?;
                self.out.push(')');
                self.before = Preceding::Something;
            }
            '|' => {
                self.out.push('|');
                self.before = Preceding::Nothing;
            }
            '*' | '+' | '?' => {
                // Java permits one quantifier and one mode after it (`a+?`, `a++`); a third is an
                // error there and may be accepted by other engines.
                self.before = match (self.before, next) {
                    (Preceding::Something, _) => Preceding::Repetition,
                    (Preceding::Repetition, '+' | '?') => Preceding::Changed,
                    (_, _) => {
                        return Err(Unread::Broken("there is nothing that *, + or ? repeats"));
                    }
                };
                self.out.push(next);
            }
            '{' => self.counts()?,
            '.' => {
                self.out.push_str(self.dot);
                self.before = Preceding::Something;
            }
            other => {
                self.out.push(other);
                self.before = Preceding::Something;
            }
        }
        Ok(())
    }

    /// The kind of a group after `(?`: Java has fewer kinds than others.
    fn group(&mut self) -> Result<(), Unread> {
        let unknown = Unread::Broken("Java has no such group as stands behind a (?");
        match self.rest.peek().copied() {
            // The kinds that Java and this engine have in common are copied; any other kind is an
            // error in Java.
            Some(kind @ (':' | '=' | '!' | '>')) => {
                self.rest.next();
                self.out.push(kind);
                Ok(())
            }
            Some('<') => {
                self.rest.next();
                self.out.push('<');
                match self.rest.next_if(|next| matches!(next, '=' | '!')) {
                    Some(kind) => self.out.push(kind),
                    None => self.name()?,
                }
                Ok(())
            }
            Some(_) => {
                let is_flag = |next: &char| "idmsucxU-".contains(*next);
                let mut flags = String::new();
                while let Some(flag) = self.rest.next_if(is_flag) {
                    flags.push(flag);
                }
                let is_closed = matches!(self.rest.peek(), Some(':' | ')'));
                if !is_closed || 1 < flags.matches('-').count() {
                    return Err(unknown);
                }
                self.out.push_str(&flags);
                if self.rest.next_if_eq(&':').is_some() {
                    self.out.push(':');
                }
                if flags.contains('c') { Err(Unread::Foreign) } else { Ok(()) }
            }
            None => Err(unknown),
        }
    }

    /// The name of a group, up to its `>`.
    fn name(&mut self) -> Result<(), Unread> {
        let mut name = String::new();
        while let Some(next) = self.rest.next_if(char::is_ascii_alphanumeric) {
            name.push(next);
        }
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic());
        if !is_name || self.rest.next() != Some('>') {
            return Err(Unread::Broken("the name of a group is not made of letters and digits"));
        }
        self.out.extend([&name, ">"]);
        // Java refuses a name that is used twice.
        if self.names.insert(name) {
            Ok(())
        } else {
            Err(Unread::Broken("two groups have one name"))
        }
    }

    /// `{2}`, `{2,}`, `{2,3}`: anything else is an error in Java.
    fn counts(&mut self) -> Result<(), Unread> {
        let broken = Unread::Broken("a { begins no repetition");
        let mut text = String::new();
        loop {
            match self.rest.next().ok_or(broken)? {
                '}' => break,
                other => text.push(other),
            }
        }
        let (least, most) = text.split_once(',').unwrap_or((&text, &text));
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<u32>().ok()).flatten()
        };
        let least = number(least).ok_or(broken)?;
        let most = if most.is_empty() { Some(u32::MAX) } else { number(most) };
        // Other engines accept a `{` as text; Java refuses the pattern.
        if self.before != Preceding::Something || most.is_none_or(|most| most < least) {
            return Err(broken);
        }
        self.out.extend(["{", &text, "}"]);
        self.before = Preceding::Repetition;
        Ok(())
    }

    fn bracket(&mut self) -> Result<(), Unread> {
        // `[:alpha:]` is a class in other engines and a set of characters in Java.
        if self.rest.next_if_eq(&':').is_some() {
            return Err(Unread::Foreign);
        }
        self.brackets += 1;
        self.within = Within::Whole;
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        if self.rest.next_if_eq(&']').is_some() {
            self.out.push_str(r"\]");
            self.within = Within::Single;
        }
        Ok(())
    }

    fn inside(&mut self, next: char) -> Result<(), Unread> {
        match next {
            '\\' => self.escape()?,
            '[' => self.bracket()?,
            ']' => {
                self.out.push(']');
                self.brackets -= 1;
                self.within = Within::Whole;
                self.before = Preceding::Something;
            }
            // `--` and `~~` are set operations in this engine and plain characters in Java, so they
            // are escaped or left undecided.
            '-' if self.rest.peek() == Some(&'-') => return Err(Unread::Foreign),
            '-' if self.within == Within::Single
                && !matches!(self.rest.peek(), Some('[' | ']')) =>
            {
                self.out.push('-');
                self.within = Within::Open;
            }
            '-' => self.single(r"\-"),
            '~' => self.single(r"\~"),
            other => self.single(other.encode_utf8(&mut [0; 4])),
        }
        Ok(())
    }

    /// One character within brackets, in the syntax of this crate's engine.
    fn single(&mut self, character: &str) {
        self.out.push_str(character);
        self.in_brackets();
    }

    /// Notes that a character was read, within brackets or not.
    fn in_brackets(&mut self) {
        self.within = if self.within == Within::Open { Within::Whole } else { Within::Single };
    }

    fn escape(&mut self) -> Result<(), Unread> {
        let letter = self.rest.next().ok_or(Unread::Broken("it ends in a backslash"))?;
        match letter {
            'd' => self.class("0-9", false)?,
            'w' => self.class("0-9A-Za-z_", false)?,
            's' => self.class(r" \t\n\x0B\f\r", false)?,
            'D' => self.class("0-9", true)?,
            'W' => self.class("0-9A-Za-z_", true)?,
            'S' => self.class(r" \t\n\x0B\f\r", true)?,
            'p' | 'P' => self.property(letter == 'P')?,
            'b' if 0 < self.brackets => return Err(Unread::Foreign),
            '0' => return Err(Unread::Foreign),
            letter if SAME.contains(letter) || letter.is_ascii_digit() => {
                self.out.extend(['\\', letter]);
                self.in_brackets();
            }
            letter if FOREIGN.contains(letter) => return Err(Unread::Foreign),
            letter if letter.is_ascii_alphabetic() => {
                return Err(Unread::Broken("a backslash stands before a letter that needs none"));
            }
            // These are the edges of words elsewhere.
            '<' | '>' => self.single(letter.encode_utf8(&mut [0; 4])),
            letter if letter.is_ascii() => {
                self.out.extend(['\\', letter]);
                self.in_brackets();
            }
            letter => self.single(letter.encode_utf8(&mut [0; 4])),
        }
        Ok(())
    }

    /// A class of characters. At the end of a range its meaning is undefined.
    fn class(&mut self, inner: &str, negated: bool) -> Result<(), Unread> {
        match (self.brackets, negated) {
            (0, false) => self.out.extend(["[", inner, "]"]),
            (0, true) => self.out.extend(["[^", inner, "]"]),
            (_, _) if self.within == Within::Open => return Err(Unread::Foreign),
            (_, true) => self.out.extend(["[^", inner, "]"]),
            (_, false) => self.out.push_str(inner),
        }
        self.within = Within::Whole;
        Ok(())
    }

    fn property(&mut self, negated: bool) -> Result<(), Unread> {
        if self.rest.next() != Some('{') {
            return Err(Unread::Foreign);
        }
        let name: String = self.rest.by_ref().take_while(|next| *next != '}').collect();
        match CLASSES.iter().find(|(known, _)| *known == name) {
            Some((_, class)) => self.class(class, negated),
            None => Err(Unread::Foreign),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_of_javas_holds_ascii_only() {
        for (pattern, value, fits) in [
            (r"\w+", "a_1", Some(true)),
            (r"\w+", "é", Some(false)),
            (r"[\w-]+", "a-é", Some(false)),
            (r"\d+", "٣", Some(false)),
            (r"a\sb", "a\u{a0}b", Some(false)),
            (r"\W", "é", Some(true)),
            (r"[^\W]", "é", Some(false)),
            ("a.b", "a\rb", Some(false)),
            ("(?s)a.b", "a\nb", Some(true)),
            ("(?i)É", "é", None),
            ("(?i)e", "E", Some(true)),
            (r"\p{Alpha}+", "é", Some(false)),
            (r"[\p{Alpha}]+", "ab", Some(true)),
            ("[[:alpha:]]+", "b", None),
            (r"a\Kb", "ab", None),
            ("[a--b]", "-", None),
            ("[a~~b]+", "a~", Some(true)),
            (r"\<a\>", "<a>", Some(true)),
            (r"[]a]+", "]a", Some(true)),
            ("(a|b)*+c", "abc", Some(true)),
            (r"[\w-z]+", "a-z", Some(true)),
            (r"[\w-.]+", "a-.", Some(true)),
            (r"[\w-}]+", "a-}", Some(true)),
            (r"[\w-}]+", "{", Some(false)),
            (r"[\p{Alpha}-9]+", "a-9", Some(true)),
            (r"[\p{Alpha}-9]+", "5", Some(false)),
            (r"[^\s-a]+", "b", Some(true)),
            (r"[^\s-a]+", "-", Some(false)),
            (r"[a-\w]", "a", None),
            (r"[+-\d]", "+", None),
            ("[a-c-e]+", "b-e", Some(true)),
            ("[a-c-e]+", "d", Some(false)),
            (r"[\.-\d]", ".", None),
            ("[a-[bc]]+", "a-c", Some(true)),
            ("[[a]-z]+", "a-z", Some(true)),
            ("[[a]-z]+", "b", Some(false)),
            (r"\bé", "é", None),
            (r"\ba.*", "aé", None),
            (r"a\b.*", "a-b", Some(true)),
            ("(?<year>[0-9]+)(?<=1)(?:a)(?>b)(?i:C)(?-i)", "1abc", Some(true)),
        ] {
            assert_eq!(matches(pattern, value), fits, "{pattern} {value}");
        }
    }

    #[test]
    fn what_java_refuses_is_told_from_what_it_may_read() {
        for broken in ["[", "(", ")", "a)", "*", "a|+", "a**", "a{", "a{x}", "a{3,2}", "\\", r"\y"]
        {
            assert!(matches!(compiled(broken), Err(Unread::Broken(_))), "{broken}");
        }
        for broken in [
            "(?P<n>a)",
            "(?#a)a",
            "(?R)",
            "(?'n'a)",
            "(?(1)a|b)",
            "(?<a_b>a)",
            "(?<1>a)",
            "(?<>a)",
            "(?<é>a)",
            "(?<n>a)(?<n>b)",
            "(?|a)",
            "(?&n)",
            "(?",
            "(?i",
        ] {
            assert!(matches!(compiled(broken), Err(Unread::Broken(_))), "{broken}");
        }
        for foreign in [r"\Qa*\E", r"\h+", r"\p{javaLowerCase}", "[[:alpha:]]", r"\K", "(?x) a"] {
            assert_eq!(compiled(foreign).err(), Some(Unread::Foreign), "{foreign}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(pattern in r"[\[\](){}*+?|.^$\\a-z:&~,0-9é-]{0,12}") {
            drop(compiled(&pattern));
        }
    }
}
