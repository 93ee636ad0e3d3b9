//! "Did you mean": the known word that is closest to a misspelt one.

/// Candidates that are compared at most (ours): comparing takes a microsecond.
const CANDIDATES_MAX: usize = 400;

/// The candidate that `word` is most likely a misspelling of, if any is close enough: at most a
/// third of its letters differ, swapped neighbours counted once, case not at all.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .take(CANDIDATES_MAX)
        .map(|candidate| (candidate, (candidate.len() / 3).max(usize::from(2 < candidate.len()))))
        .filter_map(|(candidate, most)| Some((distance(word, candidate, most)?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters two words differ by, if they are at most so many.
pub(crate) fn distance(one: &str, other: &str, most: usize) -> Option<usize> {
    // No long text is compared letter by letter; a character has at most four bytes.
    if 4 * (other.len() + most) < one.len() {
        return None;
    }
    let distance = strsim::damerau_levenshtein(&one.to_lowercase(), &other.to_lowercase());
    (distance <= most).then_some(distance)
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
