//! "Did you mean": the known word that is closest to a misspelt one.

/// The candidate that `word` is most likely a misspelling of, if any is close enough: at most a
/// third of its letters differ, swapped neighbours counted once, case not at all.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (candidate, (candidate.len() / 3).max(1)))
        // No long text is compared letter by letter; a character has at most four bytes.
        .filter(|(candidate, most)| word.len() <= 4 * (candidate.len() + most))
        .map(|(candidate, most)| (distance(word, candidate), candidate, most))
        .filter(|(distance, _, most)| distance <= most)
        .min()
        .map(|(_, candidate, _)| candidate)
}

fn distance(word: &str, candidate: &str) -> usize {
    strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase())
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
