use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::wordpiece::Vocabulary;
use super::{Builtin, DIGEST, FILE};
use crate::embedding::error::{EmbedError, InputError};
use crate::embedding::provider::{EmbedInput, Provider};

/// The model's pieces, one a line in the order of the rows.
fn lines() -> &'static str {
    let length = u32::from_le_bytes(FILE[16..20].try_into().unwrap()) as usize;
    std::str::from_utf8(&FILE[20..20 + length]).unwrap()
}

fn vector(input: &EmbedInput) -> crate::embedding::Vector {
    Builtin.vector(input).unwrap().unwrap()
}

fn similarity(a: &str, b: &str) -> f32 {
    let (a, b) = (vector(&EmbedInput::query(a)), vector(&EmbedInput::query(b)));
    a.similarity(&b).unwrap()
}

#[test]
fn the_identity_changes_with_the_file() {
    let hash = Sha256::digest(FILE);
    let beginning = u64::from_be_bytes(*hash.first_chunk::<8>().unwrap());
    assert_eq!(DIGEST, format!("{beginning:016x}"));
}

#[test]
fn the_file_stays_small() {
    assert!(FILE.len() <= 8_000_000, "{}", FILE.len());
}

/// `wordpieces.json` has, of each text, the pieces of the reference tokenizer.
#[test]
fn every_text_has_the_pieces_of_the_reference_tokenizer() {
    let cases: BTreeMap<String, Vec<String>> =
        serde_json::from_str(include_str!("wordpieces.json")).unwrap();
    assert!(cases.len() > 500);
    let rows: Vec<&str> = lines().lines().collect();
    let vocabulary = Vocabulary::parse(lines()).unwrap();
    for (text, expected) in cases {
        let mut pieces = Vec::new();
        vocabulary.pieces(&text, |row| {
            pieces.push(row.map_or("[UNK]", |row| rows[row as usize]));
        });
        assert_eq!(pieces, expected, "{text:?}");
    }
}

#[test]
fn no_character_upsets_the_tokenizer() {
    let vocabulary = Vocabulary::parse(lines()).unwrap();
    let all: Vec<char> = ('\0'..=char::MAX).collect();
    let mut count = 0;
    for run in all.chunks(97) {
        vocabulary.pieces(&run.iter().collect::<String>(), |_| count += 1);
    }
    assert!(count > 60_000, "{count}");
}

#[test]
fn texts_of_one_meaning_are_nearer_than_texts_that_share_words() {
    for (text, near, far) in [
        (
            "the application crashes on startup",
            "program terminates unexpectedly when launched",
            "the application on the shelf",
        ),
        (
            "cannot log in with my password",
            "authentication fails for this user",
            "print the document with my printer",
        ),
        (
            "speed up slow database queries",
            "improve SQL performance",
            "slow down the animation",
        ),
    ] {
        let (near, far) = (similarity(text, near), similarity(text, far));
        assert!(near > far, "{text:?}: {near} {far}");
    }
}

#[test]
fn case_accents_and_spacing_change_nothing() {
    let plain = EmbedInput::query("naive resume of the cafe");
    let dressed = EmbedInput::query("  Naïve\nRÉSUMÉ of\tthe Cafe\u{301} ");
    assert_eq!(vector(&plain), vector(&dressed));
}

#[test]
fn a_title_draws_the_vector_of_its_document_towards_itself() {
    let text = "It happens after the update. See the log for what was printed then.";
    let title = "Scrolling the timeline flickers";
    let about = vector(&EmbedInput::query(title));
    let without = vector(&EmbedInput::document("", format!("{title}\n\n{text}")));
    let with = vector(&EmbedInput::document(title, text));
    let (without, with) = (
        about.similarity(&without).unwrap(),
        about.similarity(&with).unwrap(),
    );
    assert!(with > without, "{with} {without}");
}

#[tokio::test]
async fn a_text_without_words_is_its_own_error_and_no_one_elses() {
    let inputs = [
        EmbedInput::document("", " \n\t"),
        EmbedInput::document("a", "b"),
        EmbedInput::query("\u{200b}\0"),
    ];
    let vectors = Builtin
        .embed(&inputs, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(vectors[0], Err(InputError::Empty));
    assert!(vectors[1].is_ok());
    assert_eq!(vectors[2], Err(InputError::Empty));
}

#[tokio::test]
async fn many_texts_come_back_in_their_order_with_the_stated_dimension() {
    let inputs: Vec<EmbedInput> = (0..150)
        .map(|number| EmbedInput::document(format!("number {number}"), "text"))
        .collect();
    let cancel = CancellationToken::new();
    let vectors = Builtin.embed(&inputs, &cancel).await.unwrap();
    let identity = Builtin.identity(&cancel).await.unwrap();
    assert_eq!(identity.dimension, 256);
    assert_eq!(vectors.len(), inputs.len());
    for (input, embedded) in inputs.iter().zip(vectors) {
        let embedded = embedded.unwrap();
        assert_eq!(embedded.dimension(), identity.dimension);
        assert_eq!(embedded, vector(input));
    }
}

#[tokio::test]
async fn a_cancelled_batch_ends_as_cancelled() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let inputs = [EmbedInput::query("one")];
    let error = Builtin.embed(&inputs, &cancel).await.unwrap_err();
    assert_eq!(error, EmbedError::Cancelled);
}
