//! Documents of made-up words whose frequencies follow Zipf's law, so that some
//! are nearly everywhere and most are rare, and queries of a fixed mix.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Different words.
const VOCABULARY: f64 = 50_000.0;
/// Different identifiers.
const IDENTIFIERS: usize = 2_000;
/// Words of a title and of a text.
const TITLE: usize = 8;
const TEXT: usize = 80;

/// Makes documents, the same ones every time.
#[derive(Debug)]
pub(crate) struct Words(StdRng);

impl Words {
    pub(crate) fn new() -> Self {
        Self(StdRng::seed_from_u64(1))
    }

    /// The title and the text of the next document.
    pub(crate) fn document(&mut self) -> (String, String) {
        (self.text(TITLE), self.text(TEXT))
    }

    fn text(&mut self, count: usize) -> String {
        let words: Vec<String> = (0..count)
            .map(|_| {
                if self.0.random_range(0..40) == 0 {
                    return identifier(self.0.random_range(0..IDENTIFIERS));
                }
                word(rank(self.0.random()))
            })
            .collect();
        words.join(" ")
    }
}

/// A rank by Zipf's law, for a number from 0 to 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to the size of the vocabulary"
)]
fn rank(place: f64) -> usize {
    (VOCABULARY.powf(place) - 1.0) as usize
}

/// A word that no stemming touches; the lower the rank, the commoner.
fn word(rank: usize) -> String {
    let mut text = String::new();
    let mut rest = rank + 17;
    while rest > 0 {
        text.push(char::from(b"bcdfghjklmnpqrtvwz"[rest % 18]));
        text.push(char::from(b"aou"[rest % 3]));
        rest /= 18;
    }
    text
}

/// Two middling words in `snake_case`.
fn identifier(number: usize) -> String {
    format!("{}_{}", word(200 + number), word(200 + number * 7 % 1_999))
}

/// What people type, by the ranks of their words.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Words(&'static str, &'static [usize]),
    Identifier,
}

impl Kind {
    /// The fixed mix.
    pub(crate) const MIX: [Self; 5] = [
        Self::Words("short", &[300, 4_000]),
        Self::Words("sentence", &[3, 40, 700, 2_000, 9_000, 100]),
        Self::Identifier,
        Self::Words("common words", &[0, 1, 2]),
        Self::Words("rare", &[30_000]),
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Words(name, _) => name,
            Self::Identifier => "identifier",
        }
    }

    /// The query number `number` of this kind: for lore, and for FTS5 by hand.
    pub(crate) fn query(self, number: usize) -> (String, String) {
        match self {
            Self::Words(_, ranks) => {
                let words: Vec<String> = ranks.iter().map(|rank| word(rank + number)).collect();
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                (words.join(" "), quoted.join(" OR "))
            }
            Self::Identifier => {
                let identifier = identifier(number * 11 % IDENTIFIERS);
                let parts: Vec<String> = identifier
                    .split('_')
                    .map(|part| format!("\"{part}\""))
                    .collect();
                let phrase = identifier.replace('_', " ");
                let by_hand = format!("{} OR \"{phrase}\"", parts.join(" OR "));
                (identifier, by_hand)
            }
        }
    }
}
