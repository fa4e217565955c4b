//! One embedding, in the form in which it is stored and compared.

use std::fmt;

/// A direction in the space of one model: 8-bit components, the largest of
/// which is 127 or -127.
///
/// Only the direction counts, because similarity is the cosine of two vectors;
/// so no scale is kept. Against 32-bit floats this costs less than 0.002 of
/// MRR and makes a stored vector as many bytes as it has dimensions.
#[derive(Clone, PartialEq, Eq)]
pub struct Vector(Box<[i8]>);

impl Vector {
    /// Quantises `components`. `None` where they have no direction: all zero,
    /// none at all, or one of them not a finite number.
    pub fn quantise(components: &[f32]) -> Option<Self> {
        let mut largest = 0_f32;
        for component in components {
            if !component.is_finite() {
                return None;
            }
            largest = largest.max(component.abs());
        }
        // Below this, the quotient is no finite number.
        if largest < f32::MIN_POSITIVE * 128.0 {
            return None;
        }
        let scale = 127.0 / largest;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "within ±127 by the choice of the scale"
        )]
        let quantised = components.iter().map(|x| (x * scale).round() as i8);
        Some(Self(quantised.collect()))
    }

    /// Reads a stored vector, one byte a dimension. `None` for no bytes or
    /// nothing but zeros, which no model's vector is.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.iter().all(|byte| *byte == 0) {
            return None;
        }
        // -128 is never written; read as -127 it cannot upset a kernel that
        // relies on the range.
        let components = bytes.iter().map(|byte| byte.cast_signed().max(-127));
        Some(Self(components.collect()))
    }

    /// The stored form, one byte a dimension.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().map(|x| x.cast_unsigned()).collect()
    }

    /// How many components there are.
    pub fn dimension(&self) -> usize {
        self.0.len()
    }

    /// The components, each from -127 to 127.
    pub fn components(&self) -> &[i8] {
        &self.0
    }

    /// The length of the quantised components; above zero.
    #[expect(
        clippy::cast_precision_loss,
        reason = "an f32 holds the sum's leading digits, which is all that a cosine shows"
    )]
    pub(super) fn length(&self) -> f32 {
        let sum: i64 = self.0.iter().map(|x| i64::from(*x) * i64::from(*x)).sum();
        (sum as f32).sqrt()
    }

    /// The cosine of the angle between two vectors of one model, from -1 to 1;
    /// `None` where their dimensions differ.
    #[expect(clippy::cast_precision_loss, reason = "as in `length`")]
    pub fn similarity(&self, other: &Self) -> Option<f32> {
        if self.dimension() != other.dimension() {
            return None;
        }
        let pairs = self.0.iter().zip(&other.0);
        let dot: i64 = pairs.map(|(a, b)| i64::from(*a) * i64::from(*b)).sum();
        Some(dot as f32 / (self.length() * other.length()))
    }
}

impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vector({} dimensions)", self.dimension())
    }
}

#[cfg(test)]
mod tests {
    use super::Vector;

    #[test]
    fn a_vector_keeps_its_direction_whatever_its_length() {
        let small = Vector::quantise(&[0.001, -0.002, 0.003]).unwrap();
        let large = Vector::quantise(&[1e30, -2e30, 3e30]).unwrap();
        assert_eq!(small, large);
        assert_eq!(small.components(), [42, -85, 127]);
    }

    #[test]
    fn what_has_no_direction_is_no_vector() {
        assert!(Vector::quantise(&[]).is_none());
        assert!(Vector::quantise(&[0.0, -0.0]).is_none());
        assert!(Vector::quantise(&[1.0, f32::NAN]).is_none());
        assert!(Vector::quantise(&[1.0, f32::INFINITY]).is_none());
        assert!(Vector::quantise(&[1e-45, 0.0]).is_none());
        assert!(Vector::from_bytes(&[]).is_none());
        assert!(Vector::from_bytes(&[0, 0]).is_none());
    }

    #[test]
    fn a_vector_reads_back_from_its_bytes() {
        let vector = Vector::quantise(&[0.5, -1.0, 0.0, 0.25]).unwrap();
        assert_eq!(Vector::from_bytes(&vector.to_bytes()), Some(vector));
        let foreign = Vector::from_bytes(&[0x80, 0x7f]).unwrap();
        assert_eq!(foreign.components(), [-127, 127]);
    }

    #[test]
    fn similarity_is_the_cosine_and_needs_equal_dimensions() {
        let a = Vector::quantise(&[1.0, 0.0]).unwrap();
        let b = Vector::quantise(&[1.0, 1.0]).unwrap();
        let similarity = a.similarity(&b).unwrap();
        assert!((similarity - 0.5_f32.sqrt()).abs() < 1e-6, "{similarity}");
        assert_eq!(a.similarity(&Vector::quantise(&[1.0]).unwrap()), None);
    }
}
