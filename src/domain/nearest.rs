//! "Did you mean": the known word that is closest to a misspelt one.

/// The candidate that `word` is most likely a misspelling of, if any is close enough: at most a
/// third of its letters differ, swapped neighbours counted once, case not at all.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

/// The hint "did you mean …?", if there is anything to suggest.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean {candidate}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_likely_misspellings_are_suggested() {
        let fields = ["template", "parameters", "regions", "adopt"];
        let suggested = ["tempalte", "Parameter", "region", "adpot", "apiVersion", "x"]
            .map(|word| nearest(word, fields));
        let expected =
            [Some("template"), Some("parameters"), Some("regions"), Some("adopt"), None, None];
        assert_eq!(suggested, expected);
    }
}
