//! Manifests as text, from the few words that tests are about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use conformd::domain::base::model::{PackName, Timestamp};
use conformd::domain::plan::loss::Loss;

/// A manifest. Every field that is left out is left out of the text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    /// Rules of its template.
    pub(crate) rules: u32,
    /// A value within the template: another value is another template.
    pub(crate) version: u32,
    /// A comment within the template.
    pub(crate) comment: &'static str,
    /// The parameter `MaxAge`.
    pub(crate) age: Option<u32>,
    pub(crate) regions: Option<Vec<&'static str>>,
    /// Accounts 600000000001 … so many.
    pub(crate) excluded: u32,
    pub(crate) bucket: Option<&'static str>,
    pub(crate) orphan: bool,
    pub(crate) adopt: bool,
    /// Anything else beneath `spec`, as it stands.
    pub(crate) more: &'static str,
}

impl Manifest {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            rules: 2,
            version: 1,
            comment: "",
            age: None,
            regions: None,
            excluded: 0,
            bucket: None,
            orphan: false,
            adopt: false,
            more: "",
        }
    }

    /// The template alone.
    pub(crate) fn template(&self) -> String {
        let mut text = String::new();
        let Self { name, rules, version, comment, .. } = self;
        if !comment.is_empty() {
            writeln!(text, "# {comment}").unwrap();
        }
        writeln!(text, "Parameters:\n  MaxAge: {{Type: String, Default: \"90\"}}").unwrap();
        writeln!(text, "Resources:").unwrap();
        for rule in 1..=*rules {
            writeln!(
                text,
                "  Rule{rule}:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: {name}-{rule}-v{version}
      InputParameters: {{maxAccessKeyAge: !Ref MaxAge}}
      Source: {{Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}}"
            )
            .unwrap();
        }
        text
    }
}

/// One line of what is not left out.
impl fmt::Debug for Manifest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, rules, version, comment, age, regions, excluded, bucket, .. } = self;
        write!(out, "{name} v{version}/{rules}")?;
        let age = age.map(|age| format!(" age={age}"));
        let regions = regions.as_ref().map(|regions| format!(" in {regions:?}"));
        let excluded = (*excluded > 0).then(|| format!(" -{excluded}x"));
        let bucket = bucket.map(|bucket| format!(" s3:{bucket}"));
        let orphan = self.orphan.then(|| " orphan".to_owned());
        let adopt = self.adopt.then(|| " adopt".to_owned());
        let words = [age, regions, excluded, bucket, orphan, adopt];
        words.into_iter().flatten().try_for_each(|word| out.write_str(&word))?;
        write!(out, " {comment}{}", self.more)
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, age, regions, excluded, bucket, orphan, adopt, more, .. } = self;
        writeln!(out, "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack")?;
        writeln!(out, "metadata: {{name: {name}}}\nspec:\n  template:\n    inline: |")?;
        self.template().lines().try_for_each(|line| writeln!(out, "      {line}"))?;
        if let Some(age) = age {
            writeln!(out, "  parameters: {{MaxAge: \"{age}\"}}")?;
        }
        if let Some(regions) = regions {
            writeln!(out, "  regions: [{}]", regions.join(", "))?;
        }
        if *excluded > 0 {
            let accounts = (1..=*excluded).map(|number| format!("\"6{number:011}\""));
            let accounts: Vec<String> = accounts.collect();
            writeln!(out, "  exclude: {{accounts: [{}]}}", accounts.join(", "))?;
        }
        if let Some(bucket) = bucket {
            writeln!(out, "  delivery: {{bucket: {bucket}}}")?;
        }
        if *orphan {
            writeln!(out, "  deletionPolicy: Orphan")?;
        }
        if *adopt {
            writeln!(out, "  adopt: true")?;
        }
        if !more.is_empty() {
            writeln!(out, "  {more}")?;
        }
        Ok(())
    }
}

/// Manifests as one file.
pub(crate) fn file<'a>(manifests: impl IntoIterator<Item = &'a Manifest>) -> String {
    let documents: Vec<String> = manifests.into_iter().map(ToString::to_string).collect();
    documents.join("---\n")
}

/// Ordinary manifests of these names.
pub(crate) fn packs(names: &[&str]) -> Vec<Manifest> {
    names.iter().map(|name| Manifest::new(name)).collect()
}

/// An approval of the deletion of these packs.
pub(crate) fn approval(packs: &[&str], expires: &str) -> String {
    format!("---\n{}", approval_of(packs, expires))
}

/// The same as a file of its own.
pub(crate) fn approval_of(packs: &[&str], expires: &str) -> String {
    permits("go-ahead", &format!("delete: [{}]", packs.join(", ")), expires)
}

/// An approval with one entry.
pub(crate) fn permits(name: &str, what: &str, expires: &str) -> String {
    format!(
        "apiVersion: conformd.io/v1alpha1
kind: Approval
metadata: {{name: {name}}}
spec:
  reason: retired on purpose
  expires: {expires}
  permits:
  - {{{what}}}
"
    )
}

/// An approval of these losses in this region.
pub(crate) fn approval_of_losses(
    region: &str,
    losses: &BTreeMap<PackName, BTreeSet<Loss>>,
    expires: Timestamp,
) -> String {
    let expires = expires.strftime("%Y-%m-%dT%H:%M:%SZ");
    let mut text = permits(region, "", &expires.to_string());
    text.truncate(text.find("  - ").unwrap());
    for (pack, losses) in losses {
        for loss in losses {
            let what = match loss {
                Loss::Pack => format!("delete: [{pack}]"),
                Loss::Adoption => format!("adopt: [{pack}]"),
                Loss::Rule(name) => format!("pack: {pack}, loseRules: [{name}]"),
                Loss::Rules(count) => format!("pack: {pack}, loseRules: {count}"),
                Loss::Account(account) => format!("pack: {pack}, excludeAccounts: [\"{account}\"]"),
            };
            writeln!(text, "  - {{{what}, regions: [{region}]}}").unwrap();
        }
    }
    text
}
