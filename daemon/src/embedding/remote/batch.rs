//! One batch of texts: split where the service will not take it whole, so
//! that one text it cannot digest does not cost the others their vectors.

use tokio_util::sync::CancellationToken;

use super::dialect::Components;
use super::exchange::{Failure, Service};
use crate::embedding::error::{EmbedError, InputError};
use crate::embedding::provider::{Embedded, cut};
use crate::embedding::vector::Vector;

/// A refused text of fewer characters is not cut any shorter.
const SHORTEST_CUT: usize = 500;

/// A part of the batch that still has to be asked for.
struct Part {
    start: usize,
    end: usize,
    /// Whether the service has failed at a whole of which this is a part.
    broken_off: bool,
}

/// Embeds `texts`. Empty ones are not sent. Without `patient`, nothing is tried
/// twice.
pub(super) async fn embed(
    service: &Service,
    mut texts: Vec<String>,
    dimension: usize,
    patient: bool,
    cancel: &CancellationToken,
) -> Result<Vec<Embedded>, EmbedError> {
    let mut results: Vec<Embedded> = texts.iter().map(|_| Err(InputError::Empty)).collect();
    let sent: Vec<usize> = (0..texts.len())
        .filter(|index| !texts[*index].is_empty())
        .collect();
    let mut parts = Vec::new();
    if !sent.is_empty() {
        parts.push(Part {
            start: 0,
            end: sent.len(),
            broken_off: false,
        });
    }
    let mut answered = false;
    let mut outage = None;
    while let Some(Part {
        start,
        end,
        broken_off,
    }) = parts.pop()
    {
        let members = &sent[start..end];
        let asked: Vec<&str> = members.iter().map(|index| texts[*index].as_str()).collect();
        let (status, reason) = match service.ask(&asked, patient && !broken_off, cancel).await {
            Ok(vectors) => {
                answered = true;
                for (index, components) in members.iter().zip(vectors) {
                    results[*index] = vector(service, &components, dimension)?;
                }
                continue;
            }
            Err(Failure::OfInput { status, reason }) => (status, reason),
            Err(Failure::OfService(error)) => return Err(error),
        };
        if members.len() > 1 {
            let middle = start + members.len() / 2;
            // The first half comes off the stack first.
            for (start, end) in [(middle, end), (start, middle)] {
                parts.push(Part {
                    start,
                    end,
                    broken_off: true,
                });
            }
            continue;
        }
        let index = sent[start];
        let chars = texts[index].chars().count();
        if status < 500 && chars > SHORTEST_CUT {
            let half = cut(&texts[index], (chars / 2).max(SHORTEST_CUT)).to_owned();
            texts[index] = half;
            parts.push(Part {
                start,
                end,
                broken_off: true,
            });
            continue;
        }
        if status >= 500 {
            outage = Some((status, reason.clone()));
        }
        results[index] = Err(InputError::Refused { status, reason });
    }
    // Where nothing at all got an answer, a text that is known to be good
    // tells a broken service from texts that it cannot digest.
    if let (false, Some((status, reason))) = (answered, outage)
        && service.probe(patient, cancel).await.is_err()
    {
        return Err(service.refused(status, reason));
    }
    Ok(results)
}

fn vector(
    service: &Service,
    components: &Components,
    dimension: usize,
) -> Result<Embedded, EmbedError> {
    if components.len() != dimension {
        return Err(EmbedError::ModelChanged {
            service: service.address().to_owned(),
            model: service.model().to_owned(),
            expected: dimension,
            found: components.len(),
        });
    }
    let numbers: Vec<f32> = components.iter().map(|x| x.unwrap_or(f32::NAN)).collect();
    Ok(Vector::quantise(&numbers).ok_or(InputError::NoVector))
}
