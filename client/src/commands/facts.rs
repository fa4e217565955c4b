//! What is known of a command without running it: told to agents, and minded
//! when a misspelt line is read.

use lore_proto::methods::Effect;
use schemars::JsonSchema;
#[cfg(test)]
use schemars::{Schema, SchemaGenerator};

/// One command with its full name, such as `jobs cancel`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// The name in `meta.command`.
    pub(crate) name: &'static str,
    /// Whether it changes anything: the mirror, the config, the daemon.
    pub(crate) effect: Effect,
    /// Whether it may send requests to GitLab.
    pub(crate) network: bool,
    /// The long names of flags with which a reading command writes.
    pub(crate) writing_flags: &'static [&'static str],
    /// Where `--fields` picks: the field of `data` that holds the rows.
    pub(crate) rows: Option<&'static str>,
    /// The schema of `data`. The program carries the schemas of all commands
    /// as a file; tests make it from this.
    #[cfg(test)]
    pub(crate) data: fn(&mut SchemaGenerator) -> Schema,
}

impl Facts {
    /// A command that changes nothing and answers with a `T`.
    pub(crate) const fn read<T: JsonSchema>(name: &'static str) -> Self {
        Self::new::<T>(name, Effect::Read)
    }

    /// A command that changes something and answers with a `T`.
    pub(crate) const fn write<T: JsonSchema>(name: &'static str) -> Self {
        Self::new::<T>(name, Effect::Write)
    }

    #[allow(clippy::extra_unused_type_parameters)] // Tests make a schema of it.
    const fn new<T: JsonSchema>(name: &'static str, effect: Effect) -> Self {
        Self {
            name,
            effect,
            network: false,
            writing_flags: &[],
            rows: None,
            #[cfg(test)]
            data: SchemaGenerator::subschema_for::<T>,
        }
    }

    /// It may send requests to GitLab.
    pub(crate) const fn asks_gitlab(mut self) -> Self {
        self.network = true;
        self
    }

    /// With one of these flags it writes.
    pub(crate) const fn writes_with(mut self, flags: &'static [&'static str]) -> Self {
        self.writing_flags = flags;
        self
    }

    /// `--fields` picks from the rows in this field of `data`.
    pub(crate) const fn rows(mut self, field: &'static str) -> Self {
        self.rows = Some(field);
        self
    }
}
