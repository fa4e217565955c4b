//! Whatever a person or a program might send: no panic, no syntax error, and
//! an end within bounds.
//!
//! `LORE_FUZZ=10000000 cargo test --release -p lore-daemon --lib
//! generated_text -- --nocapture` makes a long run of it.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use super::super::snippet::snippet;
use super::super::{lexical, parse};
use super::*;

/// Inputs of an ordinary run of [`generated_text`]'s test.
const INPUTS: u64 = 20_000;

/// What the syntax of queries, of FTS5 and of SQL is made of, and text that has
/// more than one way to be cut.
const PIECES: &[&str] = &[
    "cache",
    "\"",
    "-",
    "*",
    "(",
    ")",
    ":",
    "^",
    "NEAR",
    "NEAR(",
    "AND",
    "OR",
    "NOT",
    "{",
    "}",
    "+",
    "'",
    ";",
    "--",
    "/*",
    "title:",
    "author:",
    "label:",
    "path:",
    "state:",
    "type:",
    "names : ",
    " ",
    " ",
    " ",
    "日本",
    "é",
    "\u{301}",
    "\0",
    "!1",
    "#2",
    "foo_bar",
    "a.b/c",
    "\n",
    "\t",
    "\\",
    "%",
    "🦀",
    "Ⓐ",
    "ﬁ",
    "İ",
    "ß",
    "-\"x",
    "xyz*",
    "cac*",
    "the",
    "to be",
    "state:open",
    "type:mr",
    "author:@ada",
    "label:\"needs work\"",
    "path:src/",
    "std::fs",
    "http://h/x?y#z",
    "HTTPServer2",
    "\u{202e}",
    "\u{feff}",
    "\u{10ffff}",
    "eviction",
    "-leak",
    "warm_cache",
    "999999999999999999999",
];

/// One input: pieces, characters from all of Unicode, or both.
fn generated_text(random: &mut StdRng) -> String {
    let mut text = String::new();
    for _ in 0..random.random_range(0..10) {
        match random.random_range(0..8) {
            0 => text.push(random.random()),
            1 => text.push(char::from(random.random_range(0x20..0x7f_u8))),
            2 => text.push(' '),
            _ => text.push_str(PIECES.choose(random).unwrap_or(&"")),
        }
    }
    if random.random_range(0..2_000) == 0 {
        text = text.repeat(random.random_range(1..400));
    }
    text
}

#[tokio::test]
async fn generated_text_is_a_query_and_never_a_syntax_error() {
    let mirror = mirror().await;
    let inputs = std::env::var("LORE_FUZZ").ok();
    let inputs = inputs.map_or(INPUTS, |number| number.parse().unwrap());
    let (refused, longest) = mirror
        .db
        .read(move |connection| -> Result<_, WireError> {
            let mut random = StdRng::seed_from_u64(7);
            let (mut refused, mut longest) = (0_u64, Duration::ZERO);
            for number in 0..inputs {
                let input = generated_text(&mut random);
                let began = Instant::now();
                let done = bounded(connection, || listed(connection, &input));
                longest = longest.max(began.elapsed());
                match done {
                    Ok(()) => {}
                    Err(error) if error.code == ErrorCode::Usage => refused += 1,
                    Err(error) => panic!("input {number}, {input:?}: {error}"),
                }
            }
            Ok((refused, longest))
        })
        .await
        .unwrap();
    println!("{inputs} inputs, {refused} refused in words, the longest took {longest:?}");
    assert!(refused < inputs / 2, "hardly anything was searched");
}

/// All that a search does with the text itself.
fn listed(connection: &Connection, input: &str) -> Result<(), WireError> {
    let mut query = parse::parse(&text(input), 1)?;
    lexical::expand(connection, &mut query)?;
    let mut found = lexical::list(connection, &query)?.found;
    lexical::keep_matching(connection, &query, &mut found)?;
    let words = query.wanted.iter().chain(&query.required);
    let words = words.flat_map(parse::Unit::highlights).cloned().collect();
    let (shown, highlights) = snippet(input, &words, 0..0);
    let length = u32::try_from(shown.chars().count()).unwrap();
    assert!(
        highlights
            .iter()
            .all(|(from, to)| from < to && *to <= length)
    );
    Ok(())
}

/// The same through the whole search, for what lies behind.
#[tokio::test]
async fn generated_text_is_answered() {
    let mirror = mirror().await;
    let mut random = StdRng::seed_from_u64(8);
    for _ in 0..2_000 {
        let input = generated_text(&mut random);
        match ask(&mirror, text(&input)).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.code, ErrorCode::Usage, "{input:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn long_queries_are_answered() {
    let mirror = mirror().await;
    let words: Vec<String> = (0..2_000).map(|n| format!("w{n}x")).collect();
    for query in [
        format!("cache {}", words.join(" ")),
        "cac* evi* war* ".repeat(300),
        format!("cache \"{}\"", words.join(" ")),
        format!(
            "cache {}",
            words
                .iter()
                .fold(String::new(), |text, word| text + "-" + word + " ")
        ),
        "a_b_c_d_e_f_g_h ".repeat(500),
        "(((((((((".repeat(1_000),
        "日".repeat(3_000),
    ] {
        let read = whole(&by(&mirror, Ok(None)), &mirror, text(&query)).await;
        assert!(read.is_ok(), "{:.30}: {:?}", query, read.err());
    }
}
