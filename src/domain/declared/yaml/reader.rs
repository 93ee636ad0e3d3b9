//! Turns text into [`YamlNode`]s: one event at a time, within a budget, with the place of every
//! refusal.
//!
//! Refusals that leave the structure readable (an alias, a repeated key) are recorded and the
//! reading continues, so that all of them show at once; a syntax error ends only its document.

use std::collections::BTreeMap;

use granit_parser::{
    ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span as TextSpan, StrInput,
    StructureStyle, Tag,
};

use super::character;
use super::character::ScalarSpan;
use super::scalar::{Meaning, Scalar, Style};
use super::tree::{Mapping, MappingEntry, Value, YamlNode};
use crate::domain::base::{code, limits};
use crate::domain::declared::diagnostic::{Diagnostic, Related, Span};
use crate::domain::declared::snapshot::SourcePath;
use crate::domain::declared::yaml::place::{BOM, small, span_at};

const WRITE_IT_OUT: &str =
    "write it out: anchors, aliases and merge keys are refused, as by CloudFormation";

/// One document of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct YamlDocument {
    /// Where it begins.
    pub span: Span,
    /// Its root; absent when the text could not be read to the end. With refusals among the
    /// problems it is a sketch: good enough to tell what the document is, no more.
    pub root: Option<YamlNode>,
    /// Everything that is wrong with it.
    pub problems: Vec<Diagnostic>,
}

/// Bytes as text, or where they stop being UTF-8.
pub fn decode<'a>(path: &SourcePath, bytes: &'a [u8]) -> Result<&'a str, Box<Diagnostic>> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, _) = bytes.split_at(error.valid_up_to());
        let before = String::from_utf8_lossy(good);
        let span = span_at(&before, before.len(), 1);
        let found = "the bytes here are not UTF-8 text".to_owned();
        // UTF-16 is the frequent cause: some editors and shells write it by default.
        let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        let hint = if utf16 { "the file is UTF-16; save it as UTF-8" } else { "save it as UTF-8" };
        Box::new(Diagnostic::error(path, Some(span), code::ENCODING, found).hint(hint))
    })
}

/// Every document of a text. A byte order mark at its start, and lines that end with LF or CRLF,
/// are accepted.
pub fn read(path: &SourcePath, text: &str) -> Vec<YamlDocument> {
    let mut reader = match read_tree(path, text) {
        Ok(reader) => reader,
        Err(problem) => return vec![unread(text, *problem)],
    };
    // The cause of the error may be later on the line.
    let line_end = |at: usize| text.get(at..).and_then(|rest| Some(at + rest.find('\n')?));
    let end = reader.end.and_then(line_end).unwrap_or(text.len());
    let mut misread = character::misplaced_spaces(path, text, &reader.tokens, end);
    misread.extend(character::directives(path, text, &reader.tokens, end));
    let mut refused = character::refused(path, text);
    if refused.is_empty() {
        assign(&mut reader.documents, misread);
        return reader.documents;
    }
    // Where a line ends, and so what the text holds, is another thing to every reader.
    refused.append(&mut misread);
    refused.sort_by_key(|problem| problem.span.map(|span| span.start));
    refused.truncate(limits::PROBLEMS);
    let span = refused.first().and_then(|problem| problem.span);
    let span = span.unwrap_or_else(|| span_at(text, 0, 0));
    vec![YamlDocument { span, root: None, problems: refused }]
}

/// The same without checking characters.
pub(super) fn read_delivered(path: &SourcePath, text: &str) -> Vec<YamlDocument> {
    let mut documents = match read_tree(path, text) {
        Ok(reader) => reader.documents,
        Err(problem) => return vec![unread(text, *problem)],
    };
    for document in &mut documents {
        document.problems.retain(|problem| problem.code != code::CHARACTER);
    }
    documents
}

fn unread(text: &str, problem: Diagnostic) -> YamlDocument {
    YamlDocument { span: span_at(text, 0, 0), root: None, problems: vec![problem] }
}

/// A reader at the end of a text.
fn read_tree<'p>(path: &'p SourcePath, text: &str) -> Result<EventReader<'p>, Box<Diagnostic>> {
    check_size(path, text)?;
    let body = text.strip_prefix(BOM).unwrap_or(text);
    let options = granit_parser::options! {
        emit_comments: false,
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        // As libyaml, PyYAML and SnakeYAML read it; the specification's tests disagree.
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: limits::DEPTH,
        block_nesting_limit: limits::DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(body, options);
    let mut reader = EventReader::new(path, text.len() - body.len());
    reader.run(&mut parser);
    Ok(reader)
}

/// Adds problems to their documents; those before the first document belong to it.
fn assign(documents: &mut [YamlDocument], problems: Vec<Diagnostic>) {
    for problem in problems {
        let start = problem.span.map_or(0, |span| span.start);
        let after = documents.partition_point(|document| document.span.start <= start);
        if let Some(document) = documents.get_mut(after.saturating_sub(1)) {
            document.problems.push(problem);
        }
    }
}

fn check_size(path: &SourcePath, text: &str) -> Result<(), Box<Diagnostic>> {
    if text.len() <= limits::SOURCE_FILE_BYTES {
        return Ok(());
    }
    let found = format!("the file has {} bytes", text.len());
    let problem = Diagnostic::error(path, None, code::TOO_LARGE, found);
    Err(Box::new(problem.expected(format!("at most {}", limits::SOURCE_FILE_BYTES))))
}

/// A collection that is still open.
enum Open {
    Sequence {
        head: CollectionHead,
        nodes: Vec<YamlNode>,
    },
    Mapping {
        head: CollectionHead,
        mapping: Mapping,
        places: BTreeMap<Box<str>, Span>,
        key: Option<Key>,
    },
}

/// What the start of a collection said.
struct CollectionHead {
    span: Span,
    /// Where the node begins when its tag is counted.
    outer: Span,
    tag: Option<String>,
    flow: bool,
}

/// A key that waits for its value; `None` when the key was refused.
struct Key(Option<(Scalar, Span)>);

struct EventReader<'a> {
    path: &'a SourcePath,
    /// Bytes before the text that the parser sees.
    offset: usize,
    nodes: usize,
    problems: usize,
    open: Vec<Open>,
    current: Option<YamlDocument>,
    documents: Vec<YamlDocument>,
    /// The scalars in the order of the text.
    tokens: Vec<ScalarSpan>,
    /// Where the text could not be read any further.
    end: Option<usize>,
}

/// Whether to go on after an event.
enum ReaderStep {
    Event,
    Document,
    Stop,
}

impl<'a> EventReader<'a> {
    fn new(path: &'a SourcePath, offset: usize) -> Self {
        Self {
            path,
            offset,
            nodes: 0,
            problems: 0,
            open: Vec::new(),
            current: None,
            documents: Vec::new(),
            tokens: Vec::new(),
            end: None,
        }
    }

    fn run<'b>(&mut self, parser: &mut Parser<'b, StrInput<'b>>) {
        while let Some(event) = parser.next_event() {
            let next = match event {
                Ok((event, span)) => self.add_event(event, span),
                Err(error) => self.syntax(&error),
            };
            let goes_on = match next {
                ReaderStep::Event => true,
                ReaderStep::Document => {
                    // A document that ends without its event, after a syntax error, still keeps
                    // what was read.
                    self.close();
                    self.problems < limits::PROBLEMS && parser.proceed_next_document() == Ok(true)
                }
                ReaderStep::Stop => false,
            };
            if !goes_on {
                break;
            }
        }
        self.close();
    }

    /// Ends the current document, unfinished or not.
    fn close(&mut self) {
        self.open.clear();
        self.documents.extend(self.current.take());
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the parser may add kinds of events")]
    fn add_event(&mut self, event: Event<'_>, at: TextSpan) -> ReaderStep {
        let span = self.span(&at);
        match event {
            Event::DocumentStart(..) => {
                self.close();
                self.current = Some(YamlDocument { span, root: None, problems: Vec::new() });
            }
            Event::DocumentEnd => self.close(),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.refuse(span, code::ALIAS, "this is an alias (`*`)");
                return self.place(YamlNode::null(span), span);
            }
            Event::Anchor(..) => self.refuse(span, code::ALIAS, "this is an anchor (`&`)"),
            Event::Scalar(text, style, _, tag) => {
                let plain = style == ScalarStyle::Plain;
                self.tokens.push(ScalarSpan { start: span.start, end: span.end, plain });
                let (tag, core) = self.split_tag(tag.as_deref(), &at);
                let scalar = self.scalar(text.into_owned(), style, core.as_deref(), span);
                let outer = self.outer(&at);
                return self.place(YamlNode { span, tag, value: Value::Scalar(scalar) }, outer);
            }
            Event::SequenceStart(style, _, tag) => {
                let head = self.head(style, tag.as_deref(), &at);
                return self.push(Open::Sequence { head, nodes: Vec::new() });
            }
            Event::MappingStart(style, _, tag) => {
                let head = self.head(style, tag.as_deref(), &at);
                let mapping = Mapping { entries: Vec::new(), flow: head.flow };
                let places = BTreeMap::new();
                return self.push(Open::Mapping { head, mapping, places, key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => return self.pop(span),
            // Stream boundaries, and whatever later versions of the parser may add.
            _ => {}
        }
        ReaderStep::Event
    }

    fn push(&mut self, open: Open) -> ReaderStep {
        if limits::DEPTH <= self.open.len() {
            let span = match &open {
                Open::Sequence { head, .. } | Open::Mapping { head, .. } => head.span,
            };
            return self.give_up(self.too_deep(span));
        }
        self.open.push(open);
        ReaderStep::Event
    }

    fn pop(&mut self, end: Span) -> ReaderStep {
        let Some(open) = self.open.pop() else { return ReaderStep::Event };
        let (head, last, value) = match open {
            Open::Sequence { head, nodes } => {
                let last = nodes.last().map(|node| node.span);
                (head, last, Value::Sequence(nodes))
            }
            Open::Mapping { head, mapping, .. } => {
                let last = mapping.entries.last().map(|entry| entry.value.span.max(entry.key_span));
                (head, last, Value::Mapping(mapping))
            }
        };
        // The parser reports the end of a block collection at the next token, which is often lines
        // below.
        let end = if head.flow { end.end } else { last.map_or(head.span.end, |last| last.end) };
        let span = Span { end: end.max(head.span.start), ..head.span };
        self.place(YamlNode { span, tag: head.tag, value }, head.outer)
    }

    /// Puts a finished node where it belongs. `outer` is its place with the tag.
    fn place(&mut self, node: YamlNode, outer: Span) -> ReaderStep {
        self.nodes += 1;
        // The budget bounds memory: a hostile file could hold millions of small values.
        if limits::NODES < self.nodes {
            let found = format!("the file holds more than {} values", limits::NODES);
            let problem = Diagnostic::error(self.path, Some(node.span), code::TOO_LARGE, found);
            self.give_up(problem);
            return ReaderStep::Stop;
        }
        match self.open.last_mut() {
            None => {
                if let Some(document) = &mut self.current {
                    document.span = outer;
                    document.root = Some(node);
                }
            }
            Some(Open::Sequence { nodes, .. }) => nodes.push(node),
            Some(Open::Mapping { mapping, key, .. }) => match key.take() {
                Some(Key(None)) => {}
                Some(Key(Some((key, key_span)))) => {
                    mapping.entries.push(MappingEntry { key, key_span, value: node });
                }
                None => {
                    let read = self.key(node, outer);
                    if let Some(Open::Mapping { key, .. }) = self.open.last_mut() {
                        *key = Some(read);
                    }
                }
            },
        }
        ReaderStep::Event
    }

    /// A node as a key: text, given once.
    fn key(&mut self, node: YamlNode, outer: Span) -> Key {
        let YamlNode { span, tag, value } = node;
        let scalar = match value {
            Value::Scalar(scalar) if tag.is_none() && scalar.meaning != Meaning::Null => scalar,
            Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_) => {
                self.refuse(span, code::KEY_NOT_TEXT, "a mapping key is not text");
                return Key(None);
            }
        };
        if let Some(name) = character::joining(&scalar.text) {
            let found = format!("{name} is in a key");
            let problem = Diagnostic::error(self.path, Some(span), code::CHARACTER, found);
            self.report(problem.hint("remove it: two keys that differ by it look alike"));
        }
        // YAML 1.1 merges mappings at this key, YAML 1.2 does not.
        if scalar.style == Style::Plain && &*scalar.text == "<<" {
            self.refuse(span, code::ALIAS, "this is a merge key (`<<`)");
            return Key(None);
        }
        let Some(Open::Mapping { places, .. }) = self.open.last_mut() else { return Key(None) };
        if let Some(first) = places.get(&scalar.text).copied() {
            let found = format!("the key {:?} occurs twice in one mapping", scalar.text);
            let mut problem = Diagnostic::error(self.path, Some(span), code::DUPLICATE_KEY, found);
            problem.related.push(Related {
                path: self.path.clone(),
                span: first,
                note: "first defined here".to_owned(),
            });
            self.report(problem);
            return Key(None);
        }
        places.insert(scalar.text.clone(), span);
        Key(Some((scalar, outer)))
    }

    fn head(&mut self, style: StructureStyle, tag: Option<&Tag>, at: &TextSpan) -> CollectionHead {
        let (tag, core) = self.split_tag(tag, at);
        let span = self.span(at);
        if let Some(core) = core.filter(|core| !matches!(&**core, "map" | "seq" | "")) {
            let found = format!("the tag !!{core} is on a collection");
            self.report(Diagnostic::error(self.path, Some(span), code::TAG, found));
        }
        CollectionHead { span, outer: self.outer(at), tag, flow: style == StructureStyle::Flow }
    }

    fn scalar(
        &mut self,
        text: String,
        style: ScalarStyle,
        core: Option<&str>,
        span: Span,
    ) -> Scalar {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted | ScalarStyle::Folded => {
                Style::Quoted
            }
        };
        if let Some(name) = character::refused_in_value(&text) {
            let found = format!("{name} is in this text as an escape");
            let problem = Diagnostic::error(self.path, Some(span), code::CHARACTER, found);
            self.report(problem.hint("remove it: it would be shown, or break lines, elsewhere"));
        }
        let text = text.into_boxed_str();
        let plain = Meaning::of_plain(&text);
        let (style, meaning) = match core {
            None if style == Style::Plain => (style, plain),
            None => (style, Meaning::Text),
            // A tag settles the type as quotes do; a lone one not to every reader.
            Some(tag @ ("str" | "")) => {
                if tag.is_empty() && style == Style::Plain && plain != Meaning::Text {
                    let found = format!("YAML readers disagree about a lone ! before {text}");
                    let problem = Diagnostic::error(self.path, Some(span), code::TAG, found);
                    self.report(problem.hint(format!("write \"{text}\"")));
                }
                (if style == Style::Plain { Style::Quoted } else { style }, Meaning::Text)
            }
            Some(tag) => {
                let fits = match tag {
                    "null" => plain == Meaning::Null,
                    "bool" => matches!(plain, Meaning::Bool(_)),
                    "int" => plain == Meaning::Integer,
                    // Written without a point it would be sent as a whole number.
                    "float" => plain == Meaning::Float,
                    _ => false,
                };
                if !fits {
                    let found = format!("the tag !!{tag} contradicts its value");
                    self.report(Diagnostic::error(self.path, Some(span), code::TAG, found));
                }
                (style, plain)
            }
        };
        Scalar { text, style, meaning }
    }

    /// A tag as a local one (`!Ref`) or one of YAML's own types (`!!str`; empty for a lone `!`).
    fn split_tag(&mut self, tag: Option<&Tag>, at: &TextSpan) -> (Option<String>, Option<String>) {
        let Some(tag) = tag else { return (None, None) };
        if let Some(core) = tag.core_suffix() {
            return (None, Some(core.to_owned()));
        }
        match tag.original_parts() {
            // A lone `!` makes text of its value in YAML 1.2; other forms of tags have no use in
            // our files.
            ("", "!") => (None, Some(String::new())),
            ("!", name) => (Some(name.to_owned()), None),
            _ => {
                let span = at.tag_span().map_or_else(|| self.span(at), |tag| self.span(&tag));
                let found = format!("the tag {} is not allowed", tag.original());
                self.report(Diagnostic::error(self.path, Some(span), code::TAG, found));
                (None, None)
            }
        }
    }

    fn syntax(&mut self, error: &ScanError) -> ReaderStep {
        let mark = error.marker();
        let span = self.span(&TextSpan::new(*mark, *mark));
        self.end.get_or_insert(span.start);
        let problem = if *error.kind() == ErrorKind::RecursionLimitExceeded {
            self.too_deep(span)
        } else {
            let found = format!("this is not YAML: {}", error.info());
            Diagnostic::error(self.path, Some(span), code::SYNTAX, found)
        };
        self.give_up(problem)
    }

    fn too_deep(&self, span: Span) -> Diagnostic {
        let found = format!("more than {} collections are nested here", limits::DEPTH);
        Diagnostic::error(self.path, Some(span), code::TOO_DEEP, found)
    }

    /// Records what ends the current document: its root is unknown from here on.
    fn give_up(&mut self, problem: Diagnostic) -> ReaderStep {
        self.report(problem);
        if let Some(document) = &mut self.current {
            document.root = None;
        }
        self.open.clear();
        ReaderStep::Document
    }

    fn refuse(&mut self, span: Span, code: &'static str, found: &str) {
        let problem = Diagnostic::error(self.path, Some(span), code, found.to_owned());
        self.report(if code == code::ALIAS { problem.hint(WRITE_IT_OUT) } else { problem });
    }

    /// Records a problem, up to a number that is still read.
    fn report(&mut self, problem: Diagnostic) {
        self.problems += 1;
        if limits::PROBLEMS < self.problems {
            return;
        }
        let span = problem.span.unwrap_or(Span { line: 1, column: 1, start: 0, end: 0 });
        self.current
            .get_or_insert_with(|| YamlDocument { span, root: None, problems: Vec::new() })
            .problems
            .push(problem);
    }

    fn span(&self, at: &TextSpan) -> Span {
        let byte = |mark: &Marker| mark.byte_offset().unwrap_or(0) + self.offset;
        Span {
            line: small(at.start.line()),
            column: small(at.start.col() + 1),
            start: byte(&at.start),
            end: byte(&at.end).max(byte(&at.start)),
        }
    }

    fn outer(&self, at: &TextSpan) -> Span {
        let start = at.tag_start().unwrap_or(at.start);
        self.span(&TextSpan::new(start, at.end))
    }
}
