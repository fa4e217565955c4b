//! Surgical syncs: exactly the named items, and provably nothing else.

mod dependents;
mod documents;
mod embedding;
mod endings;
mod harness;
mod matrix;
mod rules;
mod served;
mod serving;
