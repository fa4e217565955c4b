//! Which of several names a word is clearly nearest to.

/// No name is as long, by far; longer words are not worth comparing.
const LONGEST: usize = 64;

/// A word without case and separators: `No_Follow` and `--no-follow` are one.
pub(super) fn folded(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// The name that `word` is clearly nearest to. A different case and other
/// separators cost nothing; a letter that is missing, too much or another one,
/// and two that changed places, cost one.
pub(super) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word);
    if word.len() > LONGEST {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    let mut second = usize::MAX;
    for name in names {
        let known = folded(name);
        if known == word {
            return Some(name);
        }
        let distance = strsim::osa_distance(&word, &known);
        match best {
            Some((least, _)) if distance >= least => second = second.min(distance),
            _ => {
                second = best.map_or(second, |(least, _)| least);
                best = Some((distance, name));
            }
        }
    }
    let (distance, name) = best?;
    let clearly = second >= 2 * distance && second > distance;
    (distance <= tolerance(&folded(name)) && clearly && !turned(&word, &folded(name)))
        .then_some(name)
}

/// How many slips a name of this length may hide: in a short one a slip makes
/// another word.
fn tolerance(name: &str) -> usize {
    match name.len() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

/// Whether one of the two says no and the other does not.
fn turned(word: &str, name: &str) -> bool {
    let denies = |prefix: &&str| word.starts_with(*prefix) != name.starts_with(*prefix);
    ["no", "un"].iter().any(denies)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = ["status", "sync", "sync-runs", "explain", "no-confidential"];

    #[test]
    fn one_slip_in_a_word_and_two_in_a_long_one_are_seen_through() {
        for (word, meant) in [
            ("Sync_Runs", Some("sync-runs")),
            ("statsu", Some("status")),
            ("syncrnus", Some("sync-runs")),
            ("no-confidentail", Some("no-confidential")),
            ("stttus", Some("status")),
            ("st", None),
            ("stauts-x", None),
        ] {
            assert_eq!(nearest(word, NAMES), meant, "{word}");
        }
    }

    #[test]
    fn between_two_nobody_decides() {
        assert_eq!(nearest("star", ["stat", "start"]), None);
        assert_eq!(nearest("stat", ["stat", "start"]), Some("stat"));
    }

    #[test]
    fn a_no_is_neither_lost_nor_gained() {
        assert_eq!(nearest("no-explain", NAMES), None);
        assert_eq!(nearest("confidential", NAMES), None);
        assert_eq!(nearest("resolved", ["unresolved"]), None);
        assert_eq!(nearest("unassigned", ["assigned-x"]), None);
        assert_eq!(nearest("unresovled", ["unresolved"]), Some("unresolved"));
    }
}
