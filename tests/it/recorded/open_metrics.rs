//! Samples over time, and their text in the format of `OpenMetrics`.

#![expect(clippy::indexing_slicing, reason = "in a test an index is an assertion")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use conformd::domain::base::model::Timestamp;

use crate::support::sample::Text;

/// What Prometheus adds to everything that it scrapes.
const TARGET: &str = "instance=\"127.0.0.1:9464\",job=\"conformd\"";

/// Samples over time.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    types: BTreeMap<String, String>,
    /// By family and series.
    samples: BTreeMap<String, BTreeMap<String, Vec<(Timestamp, String)>>>,
    moments: BTreeSet<Timestamp>,
    series_max: usize,
}

impl Recording {
    /// Takes in one scrape.
    pub(crate) fn take(&mut self, at: Timestamp, scraped: &str) {
        let text = Text::read(scraped);
        self.series_max = self.series_max.max(text.series.len());
        for (series, value) in &text.series {
            let family = text.family(series);
            self.add((family, series), at, value);
        }
        self.types.extend(text.types);
        self.types.insert("up".to_owned(), "gauge".to_owned());
        self.add(("up", "up"), at, "1");
        self.moments.insert(at);
    }

    fn add(&mut self, (family, series): (&str, &str), at: Timestamp, value: &str) {
        value.parse::<f64>().unwrap();
        let family = self.samples.entry(family.to_owned()).or_default();
        family.entry(targeted(series)).or_default().push((at, value.to_owned()));
    }

    pub(crate) fn families(&self) -> impl Iterator<Item = &str> {
        self.samples.keys().map(String::as_str)
    }

    pub(crate) fn moments(&self) -> usize {
        self.moments.len()
    }

    /// The last value of a series as it was scraped.
    pub(crate) fn last(&self, series: &str) -> Option<&str> {
        let target = targeted(series);
        let series = self.samples.values().find_map(|family| family.get(&target))?;
        series.last().map(|(_, value)| value.as_str())
    }

    /// The most series of one scrape.
    pub(crate) fn series_max(&self) -> usize {
        self.series_max
    }

    /// As `OpenMetrics`, every sample with its moment.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (family, series) in &self.samples {
            let kind = &self.types[family];
            // Of a counter the format names the family without its suffix.
            let name = if kind == "counter" { family.trim_end_matches("_total") } else { family };
            writeln!(text, "# TYPE {name} {kind}").unwrap();
            for (series, samples) in series {
                for (at, value) in samples {
                    writeln!(text, "{series} {value} {}", at.as_second()).unwrap();
                }
            }
        }
        text + "# EOF\n"
    }
}

/// The series with the labels of its target.
fn targeted(series: &str) -> String {
    match series.strip_suffix('}') {
        Some(series) => format!("{series},{TARGET}}}"),
        None => format!("{series}{{{TARGET}}}"),
    }
}
