//! The table: a row of 8-bit components for each word piece.
//!
//! A file is, all numbers little-endian: the eight bytes `lore-em1`, then as
//! u32 the dimension, the number of rows and the length of the vocabulary in
//! bytes; the vocabulary, one piece a line, as UTF-8; a scale for each row as
//! f32; the rows, one byte a component.

use std::fmt;

use super::wordpiece::Vocabulary;
use crate::embedding::error::EmbedError;
use crate::embedding::vector::Vector;

const MAGIC: &[u8] = b"lore-em1";
/// How much the title of a document counts beside its whole text.
const TITLE_WEIGHT: f32 = 0.5;

/// A static embedding model: a text's vector is a sum of its pieces' rows.
pub(super) struct Model {
    vocabulary: Vocabulary,
    dimension: usize,
    scales: Vec<f32>,
    rows: &'static [u8],
}

impl Model {
    /// Reads a model file. The rows stay where they are.
    pub(super) fn parse(file: &'static [u8]) -> Result<Self, EmbedError> {
        Self::read(file).ok_or(EmbedError::BrokenModel {
            reason: "its file does not have the form it should have",
        })
    }

    fn read(file: &'static [u8]) -> Option<Self> {
        let rest = file.strip_prefix(MAGIC)?;
        let (dimension, rest) = number(rest)?;
        let (count, rest) = number(rest)?;
        let (vocabulary_bytes, rest) = number(rest)?;
        let (vocabulary, rest) = rest.split_at_checked(vocabulary_bytes)?;
        let (scales, rows) = rest.split_at_checked(count.checked_mul(4)?)?;
        let vocabulary = Vocabulary::parse(std::str::from_utf8(vocabulary).ok()?)?;
        let fits = dimension > 0
            && vocabulary.len() == count
            && rows.len() == count.checked_mul(dimension)?;
        let (scales, _) = scales.as_chunks::<4>();
        fits.then(|| Self {
            vocabulary,
            dimension,
            scales: scales.iter().copied().map(f32::from_le_bytes).collect(),
            rows,
        })
    }

    /// How many components a vector has.
    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    /// The vector of a text; `None` where the model knows none of its words.
    pub(super) fn text(&self, text: &str) -> Option<Vector> {
        Vector::quantise(&self.sum(text))
    }

    /// The vector of a document whose text includes its title: the direction
    /// of the text, drawn towards that of the title.
    pub(super) fn document(&self, title: &str, text: &str) -> Option<Vector> {
        let mut sum = unit(self.sum(text));
        for (whole, title) in sum.iter_mut().zip(unit(self.sum(title))) {
            *whole += TITLE_WEIGHT * title;
        }
        Vector::quantise(&sum)
    }

    /// Each piece's row by the root of how often it occurs: the tenth dot of
    /// a stack trace says less than the first. It has to be as in the tuning.
    fn sum(&self, text: &str) -> Vec<f32> {
        let mut rows = Vec::with_capacity(text.len() / 4);
        self.vocabulary
            .pieces(text, |piece| rows.extend(piece.map(|row| row as usize)));
        rows.sort_unstable();
        let mut sum = vec![0.0; self.dimension];
        for same in rows.chunk_by(|a, b| a == b) {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^24 pieces")]
            let weight = (same.len() as f32).sqrt();
            self.add(same[0], weight, &mut sum);
        }
        sum
    }

    fn add(&self, row: usize, weight: f32, sum: &mut [f32]) {
        let at = row * self.dimension;
        let factor = weight * self.scales[row];
        for (total, component) in sum.iter_mut().zip(&self.rows[at..at + self.dimension]) {
            *total += factor * f32::from(component.cast_signed());
        }
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("dimension", &self.dimension)
            .field("rows", &self.scales.len())
            .finish_non_exhaustive()
    }
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    let number = usize::try_from(u32::from_le_bytes(*number)).ok()?;
    Some((number, rest))
}

/// Of length one, or as it is where it has no length.
fn unit(mut components: Vec<f32>) -> Vec<f32> {
    let length = components.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        for component in &mut components {
            *component /= length;
        }
    }
    components
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(dimension: u32, vocabulary: &str, scales: &[f32], rows: &[i8]) -> &'static [u8] {
        let mut file = MAGIC.to_vec();
        let rows_given = u32::try_from(scales.len()).unwrap();
        let bytes = u32::try_from(vocabulary.len()).unwrap();
        for number in [dimension, rows_given, bytes] {
            file.extend(number.to_le_bytes());
        }
        file.extend(vocabulary.as_bytes());
        file.extend(scales.iter().flat_map(|scale| scale.to_le_bytes()));
        file.extend(rows.iter().map(|x| x.cast_unsigned()));
        file.leak()
    }

    fn model() -> Model {
        let rows = [10, 0, 0, 10, 10, 10];
        Model::parse(file(2, "up\ndown\n##ward\n", &[1.0, 2.0, 1.0], &rows)).unwrap()
    }

    #[test]
    fn a_text_is_the_sum_of_its_pieces_rows_by_the_roots_of_their_counts() {
        let vector = model().text("Up, upward: DOWN").unwrap();
        // √2 × (10, 0) + (10, 10) + 2 × (0, 10)
        let expected = [2_f32.sqrt() * 10.0 + 10.0, 30.0];
        assert_eq!(vector, Vector::quantise(&expected).unwrap());
    }

    #[test]
    fn a_document_leans_half_as_much_on_its_title_as_on_its_text() {
        let vector = model().document("up", "down down").unwrap();
        assert_eq!(vector, Vector::quantise(&[0.5, 1.0]).unwrap());
    }

    #[test]
    fn a_document_without_a_known_title_has_the_vector_of_its_text() {
        let model = model();
        assert_eq!(
            model.document("", "up up up up down"),
            model.text("up up up up down")
        );
    }

    #[test]
    fn a_text_without_a_known_word_has_no_vector() {
        assert_eq!(model().text("sideways ---"), None);
        assert_eq!(model().document("", ""), None);
    }

    #[test]
    fn a_file_of_another_form_is_refused() {
        let good = file(2, "a\nb\n", &[1.0, 1.0], &[1, 1, 1, 1]);
        assert!(Model::parse(good).is_ok());
        for length in 0..good.len() {
            assert!(Model::parse(&good[..length]).is_err(), "{length}");
        }
        let twice = file(2, "a\na\n", &[1.0, 1.0], &[1, 1, 1, 1]);
        assert!(Model::parse(twice).is_err());
        let huge = file(u32::MAX, "a\n", &[1.0], &[1]);
        assert!(Model::parse(huge).is_err());
    }
}
