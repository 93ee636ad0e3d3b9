//! Files, and parts of pages, that are generated from what they describe. Without
//! `CONFORMD_WRITE_DOCS` a test fails when one of them is old; with it, the test writes it.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;

/// A file of the project as it stands.
pub(crate) fn text(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default()
}

/// Holds a file of the project to what is generated for it. Name the test `…_current`, so that the
/// command in the message finds it.
pub(crate) fn assert_current(file: &str, generated: &str) {
    let known = text(file);
    if std::env::var_os("CONFORMD_WRITE_DOCS").is_some() && known != generated {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), generated).unwrap();
        return;
    }
    // Not the whole texts: they are long.
    let old = known.lines().zip(generated.lines()).find(|(known, new)| known != new);
    let command = "CONFORMD_WRITE_DOCS=1 cargo test --test it current";
    assert!(known == generated, "{file} is old, run `{command}`: {old:#?}");
}

/// The page with what stands between `<!-- generated: NAME -->` and the next `<!-- end -->`
/// replaced.
pub(crate) fn with_part(page: &str, name: &str, part: &str) -> String {
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("no part {name}"));
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    format!("{before}{begin}\n{}\n\n<!-- end -->{after}", part.trim_end())
}

/// What the doc comments of an enum say of its words, as its JSON Schema has them.
#[expect(clippy::indexing_slicing, reason = "a member that a JSON value lacks reads as null")]
pub(crate) fn meanings<T: JsonSchema>() -> BTreeMap<String, String> {
    let schema = schemars::schema_for!(T).to_value();
    let words = schema["oneOf"].as_array().unwrap().iter();
    let meaning = |word: &serde_json::Value| {
        let text = |name: &str| word[name].as_str().unwrap().replace('\n', " ");
        (text("const"), text("description"))
    };
    words.map(meaning).collect()
}
