//! Search: how well it finds, and how fast.

mod bare;
mod figures;
mod index;
mod made_up;
mod minilm;
pub(crate) mod quality;
mod sets;
mod socket;
pub(crate) mod speed;
mod sqlite_vec;
