//! Typed values out of a TOML table whose keys are known, with the line of
//! every mistake.

use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::nearest::nearest;

/// A value and where it stands.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// A config file, to say where in it something is wrong.
pub(super) struct File<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl File<'_> {
    /// The line, from 1, that holds the byte `offset`.
    pub(super) fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        1 + before.filter(|byte| **byte == b'\n').count()
    }

    pub(super) fn mistake(&self, at: &Range<usize>, message: &str) -> ConfigError {
        ConfigError::Invalid {
            path: self.path.to_path_buf(),
            line: self.line(at.start),
            message: message.to_owned(),
        }
    }

    pub(super) fn wrong_type(&self, key: &str, value: &Value<'_>, wanted: &str) -> ConfigError {
        let found = value.get_ref().type_str();
        self.mistake(
            &value.span(),
            &format!("`{key}` has to be {wanted}, and is of type {found}"),
        )
    }
}

/// A table whose keys are known.
pub(super) struct Table<'a> {
    pub(super) file: &'a File<'a>,
    name: &'a str,
    values: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        file: &'a File<'a>,
        name: &'a str,
        values: &'a DeTable<'a>,
        known: &[&str],
    ) -> Result<Self, ConfigError> {
        // The file's order, so that the first mistake is the first one read.
        let unknown = values
            .keys()
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        if let Some(key) = unknown {
            let shown = key.get_ref();
            let place = if name.is_empty() {
                "at the top".to_owned()
            } else {
                format!("in [{name}]")
            };
            let cure = match nearest(shown, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are {}", known.join(", ")),
            };
            return Err(file.mistake(
                &key.span(),
                &format!("unknown key `{shown}` {place}; {cure}"),
            ));
        }
        Ok(Self { file, name, values })
    }

    fn full_name(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }

    pub(super) fn wrong_type(&self, key: &str, value: &Value<'_>, wanted: &str) -> ConfigError {
        self.file.wrong_type(&self.full_name(key), value, wanted)
    }

    pub(super) fn table(&self, key: &str) -> Result<Option<&'a DeTable<'a>>, ConfigError> {
        let Some(value) = self.values.get(key) else {
            return Ok(None);
        };
        let table = value.get_ref().as_table();
        table
            .map(Some)
            .ok_or_else(|| self.wrong_type(key, value, "a table"))
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<(&'a str, Range<usize>)>, ConfigError> {
        let Some(value) = self.values.get(key) else {
            return Ok(None);
        };
        match value.get_ref().as_str() {
            Some(text) => Ok(Some((text, value.span()))),
            None => Err(self.wrong_type(key, value, "a string")),
        }
    }

    pub(super) fn non_empty(
        &self,
        key: &str,
    ) -> Result<Option<(&'a str, Range<usize>)>, ConfigError> {
        match self.string(key)? {
            Some(("", at)) => {
                let message = format!(
                    "`{}` is empty; give it a value or leave it out",
                    self.full_name(key)
                );
                Err(self.file.mistake(&at, &message))
            }
            found => Ok(found),
        }
    }

    #[allow(clippy::type_complexity)] // A list with the place of each word and its own.
    pub(super) fn strings(
        &self,
        key: &str,
    ) -> Result<Option<(Vec<(&'a str, Range<usize>)>, Range<usize>)>, ConfigError> {
        let Some(value) = self.values.get(key) else {
            return Ok(None);
        };
        let Some(array) = value.get_ref().as_array() else {
            return Err(self.wrong_type(key, value, "a list of strings"));
        };
        let words = array
            .iter()
            .map(|word| match word.get_ref().as_str() {
                Some(text) => Ok((text, word.span())),
                None => Err(self.wrong_type(key, word, "a list of strings")),
            })
            .collect::<Result<_, _>>()?;
        Ok(Some((words, value.span())))
    }

    /// A path: `~/` is the home folder, a relative one is below the config's.
    pub(super) fn path(&self, key: &str) -> Result<Option<(PathBuf, Range<usize>)>, ConfigError> {
        let Some((text, at)) = self.non_empty(key)? else {
            return Ok(None);
        };
        let path =
            if let (Some(below), Some(home)) = (text.strip_prefix("~/"), std::env::home_dir()) {
                home.join(below)
            } else {
                let folder = self.file.path.parent().unwrap_or(Path::new(""));
                folder.join(text)
            };
        Ok(Some((path, at)))
    }

    pub(super) fn number(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Result<u64, ConfigError> {
        let Some(value) = self.values.get(key) else {
            return Ok(default);
        };
        let Some(number) = value.get_ref().as_integer() else {
            return Err(self.wrong_type(key, value, "a whole number"));
        };
        let parsed = u64::from_str_radix(number.as_str(), number.radix()).ok();
        parsed.filter(|n| range.contains(n)).ok_or_else(|| {
            let message = format!(
                "`{}` is {number} and has to be between {} and {}",
                self.full_name(key),
                range.start(),
                range.end(),
            );
            self.file.mistake(&value.span(), &message)
        })
    }
}
