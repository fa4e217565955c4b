//! The config with one host more, or changed: comments, order and everything
//! else stay as somebody wrote them.

use std::io;
use std::path::{Path, PathBuf};

use lore_proto::{ErrorCode, WireError};
use serde_json::json;
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use super::Trial;
use crate::config::{Config, ConfigError, TokenSource};
use crate::files;

/// A config as it shall be written.
pub(super) struct Edited {
    file: PathBuf,
    text: String,
}

impl Edited {
    /// Writes it as a whole.
    pub(super) fn write(self) -> Result<(), WireError> {
        if let Some(folder) = self.file.parent() {
            make_private(folder).map_err(|error| cannot_write(folder, &error))?;
        }
        files::replace(&self.file, self.text.as_bytes())
            .map_err(|error| cannot_write(&self.file, &error))
    }
}

/// The key of the config that names such a source.
pub(super) fn key_of(source: &TokenSource) -> &'static str {
    match source {
        TokenSource::Env(_) => "token_env",
        TokenSource::File(_) => "token_file",
        TokenSource::Command(_) => "token_command",
    }
}

impl Trial {
    /// The config with this host in it; nothing is written yet.
    pub(super) fn edited(&self, projects: Vec<String>) -> Result<Edited, WireError> {
        // A config that is a link, into a folder of dotfiles for one, stays
        // one.
        let file = std::fs::canonicalize(&self.config).unwrap_or_else(|_| self.config.clone());
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(cannot_write(&file, &error)),
        };
        let text = self
            .edit(&text, projects)
            .map_err(|error| error.to_wire())?;
        Ok(Edited { file, text })
    }

    /// `text` with this host in it, and `projects` among its projects.
    fn edit(&self, text: &str, projects: Vec<String>) -> Result<String, ConfigError> {
        // What has a mistake already is for a person to mend.
        Config::parse(&self.config, text)?;
        let mut document: DocumentMut = text
            .parse()
            .map_err(|error: toml_edit::TomlError| self.unusable(error.message()))?;
        let hosts = document.entry("hosts").or_insert_with(|| {
            let mut hosts = Table::new();
            // Only `[hosts."name"]` is written, without a bare `[hosts]`.
            hosts.set_implicit(true);
            Item::Table(hosts)
        });
        let hosts = hosts
            .as_table_like_mut()
            .ok_or_else(|| self.unusable("`hosts` is no table"))?;
        let host = hosts
            .entry(&self.name)
            .or_insert_with(|| Item::Table(Table::new()));
        let host = host
            .as_table_like_mut()
            .ok_or_else(|| self.unusable("the host is no table"))?;
        self.edit_host(host, projects);
        let edited = document.to_string();
        // Never a file that the daemon would not read.
        Config::parse(&self.config, &edited)?;
        Ok(edited)
    }

    fn edit_host(&self, host: &mut dyn TableLike, projects: Vec<String>) {
        if self.url_given {
            set(
                host,
                "url",
                self.host.url.as_str().trim_end_matches('/').into(),
            );
        }
        if self.secret.is_some() {
            // The kept token goes before any other source; naming one beside
            // it would only mislead.
            for other in ["token_env", "token_file", "token_command"] {
                host.remove(other);
            }
        }
        // What was neither given nor found stays as it is: it was read a while
        // ago, and somebody may have changed it since.
        if let Some(token) = &self.host.token
            && (self.source_given || self.source_found)
        {
            let key = key_of(token);
            let value: Value = match token {
                TokenSource::Env(variable) => variable.as_str().into(),
                TokenSource::File(path) => path.to_string_lossy().as_ref().into(),
                TokenSource::Command(words) => Value::Array(words.iter().collect()),
            };
            for other in ["token_env", "token_file", "token_command"] {
                if other != key {
                    host.remove(other);
                }
            }
            set(host, key, value);
        }
        if let Some(ca_file) = &self.ca_given {
            set(host, "ca_file", ca_file.to_string_lossy().as_ref().into());
        }
        add_projects(host, projects);
    }

    fn unusable(&self, reason: &str) -> ConfigError {
        ConfigError::Unreadable {
            path: self.config.clone(),
            reason: reason.to_owned(),
        }
    }
}

/// Sets `key`, and leaves alone what has the value already.
fn set(table: &mut dyn TableLike, key: &str, value: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) if old.to_string().trim() == value.to_string().trim() => {}
        Some(old) => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

fn add_projects(host: &mut dyn TableLike, projects: Vec<String>) {
    let item = host
        .entry("projects")
        .or_insert_with(|| Item::Value(Value::Array(Array::new())));
    let Some(list) = item.as_array_mut() else {
        return;
    };
    for project in projects {
        let known = list
            .iter()
            .filter_map(Value::as_str)
            .any(|known| known.eq_ignore_ascii_case(&project));
        if !known {
            list.push(project);
        }
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

fn cannot_write(path: &Path, error: &io::Error) -> WireError {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        _ => ErrorCode::Io,
    };
    let path: PathBuf = path.to_path_buf();
    WireError::new(
        code,
        format!("`{}` cannot be written: {error}", path.display()),
    )
    .details(json!({ "path": path.display().to_string() }))
}
