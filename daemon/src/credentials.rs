//! From a host of the config to its token, at the time it is needed.
//!
//! A token is looked for in this order: what `auth.login` keeps; the source
//! that the config names; and where it names none, what is there already: the
//! variables that GitLab's tools read, glab's login, `.netrc`. What was found
//! for one host never goes to another.
//!
//! A token is read, handed on and never kept here, printed or put into an
//! error: errors name where it should come from.

mod discovered;
mod files;
mod glab;
mod keyring;
mod netrc;
mod surroundings;

use std::fmt;
use std::path::{Path, PathBuf};

use lore_proto::auth::TokenStore;
use lore_proto::{ErrorCode, WireError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use url::Url;

use self::discovered::Discovered;
use self::files::{cannot_keep, from_command, from_file, in_time, remove_file, write_token};
pub(crate) use self::glab::GlabHost;
use self::keyring::Keyring;
pub use self::surroundings::Surroundings;
use crate::config::{Host, TokenSource};
use crate::gitlab::Token;

/// What stays as it is in the name of a stored token's file.
const IN_FILE_NAMES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
/// A token, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The token.
    pub token: Token,
    /// Where it came from.
    pub source: Source,
}

/// Where a token comes from: never what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A variable of the daemon's environment.
    Env(String),
    /// A file.
    File(PathBuf),
    /// A program; its arguments may be secrets of their own.
    Command(String),
    /// The keyring, where `auth.login` put it.
    Keyring,
    /// glab's login, in its file or, by this name, in the keyring.
    Glab(PathBuf),
    /// `.netrc`.
    Netrc(PathBuf),
    /// It was just given.
    Given,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(variable) => write!(f, "environment variable {variable}"),
            Self::File(path) | Self::Netrc(path) => write!(f, "file {}", path.display()),
            Self::Command(program) => write!(f, "command {program}"),
            Self::Keyring => f.write_str("keyring"),
            Self::Glab(path) => write!(f, "glab's login ({})", path.display()),
            Self::Given => f.write_str("given just now"),
        }
    }
}

/// Finds tokens, and keeps those that it is given.
#[derive(Debug, Clone)]
pub struct Finder {
    config: PathBuf,
    env: Surroundings,
}

/// The host that a token is wanted for.
struct Wanted<'a> {
    name: &'a str,
    url: &'a Url,
}

impl Wanted<'_> {
    /// Whether another tool's name for a host means this one: the key in the
    /// config, or the address with its port.
    fn is(&self, other: &str) -> bool {
        let other = other.split_once("://").map_or(other, |(_, rest)| rest);
        let other = other.split(['/', '?', '#']).next().unwrap_or_default();
        !other.is_empty()
            && (other.eq_ignore_ascii_case(self.name)
                || other.eq_ignore_ascii_case(&self.authority()))
    }

    /// The same for `.netrc`, whose machines have no ports.
    fn is_machine(&self, other: &str) -> bool {
        self.is(other) || self.url.host_str() == Some(other)
    }

    fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl Finder {
    /// Looks for tokens beside the config file `config` and in `env`.
    pub fn new(config: &Path, env: Surroundings) -> Self {
        let config = config.to_path_buf();
        Self { config, env }
    }

    /// The token of the host `name`, read now. `only` says that no other host
    /// is configured, so that a variable that names no host must mean this one.
    ///
    /// # Errors
    /// `TOKEN_MISSING`, with where it was looked for and what to do.
    pub async fn find(&self, name: &str, host: &Host, only: bool) -> Result<Found, WireError> {
        let wanted = Wanted {
            name,
            url: &host.url,
        };
        let mut why = "nobody has told where it is".to_owned();
        match self.place(name, host, only).await {
            Err(reason) => why = reason,
            Ok(Place::Keyring) => return self.look_into_keyring(name).await,
            Ok(Place::Source(source)) => return self.from_source(name, &source).await,
            Ok(Place::Discovered(Discovered::Token(text, source))) => {
                return checked(name, Ok(text), source);
            }
            Ok(Place::Discovered(Discovered::InKeyring(service, file))) => {
                let attributes = [("service", service.as_str()), ("username", "")];
                let secret = match Keyring::open(&self.env) {
                    Ok(keyring) => keyring.look_up(&attributes).await,
                    Err(reason) => Err(reason),
                };
                match secret {
                    Ok(Some(secret)) => {
                        return checked(name, Ok(decoded(&secret)), Source::Glab(file));
                    }
                    Ok(None) => why = format!("glab's login in `{}` has none", file.display()),
                    Err(reason) => {
                        why = format!("glab keeps its own in the keyring, and {reason}");
                    }
                }
            }
            Ok(Place::Nowhere) => {}
        }
        if let Some(variable) = self.unclaimed(&wanted, only) {
            why = format!(
                "`{variable}` is set, but several hosts are configured and nothing says that it \
                 is for this one; `token_env = \"{variable}\"` would"
            );
        }
        Err(missing(name, &why))
    }

    /// The token from this source and no other.
    pub async fn from_source(&self, name: &str, source: &TokenSource) -> Result<Found, WireError> {
        let (text, source) = match source {
            TokenSource::Env(variable) => {
                (self.look_into_env(variable), Source::Env(variable.clone()))
            }
            TokenSource::File(path) => (from_file(path.clone()).await, Source::File(path.clone())),
            TokenSource::Command(words) => {
                let program = words.first().cloned().unwrap_or_default();
                (from_command(words).await, Source::Command(program))
            }
        };
        checked(name, text, source)
    }

    /// Where the token of a host would come from; none where no source is
    /// known. It reads no token that only a program can tell.
    pub async fn describe(&self, name: &str, host: &Host, only: bool) -> Option<Source> {
        match self.place(name, host, only).await.ok()? {
            Place::Keyring => Some(Source::Keyring),
            Place::Source(TokenSource::Env(variable)) => Some(Source::Env(variable)),
            Place::Source(TokenSource::File(path)) => Some(Source::File(path)),
            Place::Source(TokenSource::Command(words)) => {
                words.into_iter().next().map(Source::Command)
            }
            Place::Discovered(Discovered::Token(_, source)) => Some(source),
            Place::Discovered(Discovered::InKeyring(_, file)) => Some(Source::Glab(file)),
            Place::Nowhere => None,
        }
    }

    /// Where the token of a host is, or why that cannot be found out now.
    async fn place(&self, name: &str, host: &Host, only: bool) -> Result<Place, String> {
        let (finder, name) = (self.clone(), name.to_owned());
        let (url, source) = (host.url.clone(), host.token.clone());
        in_time(move || {
            if finder.kept_in_keyring(&name).is_file() {
                return Place::Keyring;
            }
            let stored = finder.stored_file(&name);
            if stored.is_file() {
                return Place::Source(TokenSource::File(stored));
            }
            if let Some(source) = source {
                return Place::Source(source);
            }
            let wanted = Wanted {
                name: &name,
                url: &url,
            };
            finder
                .discovered(&wanted, only)
                .map_or(Place::Nowhere, Place::Discovered)
        })
        .await
    }

    /// Keeps `token` for the host `name`; the one that was kept before goes.
    ///
    /// # Errors
    /// The file cannot be written, or the keyring does not take it.
    pub async fn keep(
        &self,
        name: &str,
        token: &str,
        store: TokenStore,
    ) -> Result<Source, WireError> {
        match store {
            TokenStore::File => {
                let path = self.stored_file(name);
                write_token(&path, token).map_err(|error| cannot_keep(&path, &error))?;
                self.forget_marker(name).await?;
                Ok(Source::File(path))
            }
            TokenStore::Keyring => {
                let no_keyring = |reason: String| {
                    WireError::new(
                        ErrorCode::Io,
                        format!("the token cannot go into the keyring: {reason}"),
                    )
                    .action(format!("lore auth login --host {name}"))
                };
                let keyring = Keyring::open(&self.env).map_err(no_keyring)?;
                let label = format!("lore: GitLab token for {name}");
                keyring
                    .store(&label, &own_attributes(name), token.trim())
                    .await
                    .map_err(no_keyring)?;
                let marker = self.kept_in_keyring(name);
                write_token(&marker, "in the keyring")
                    .map_err(|error| cannot_keep(&marker, &error))?;
                remove_file(&self.stored_file(name))?;
                Ok(Source::Keyring)
            }
        }
    }

    /// Forgets what [`Finder::keep`] kept; false where that was nothing.
    pub async fn forget(&self, name: &str) -> Result<bool, WireError> {
        let marker = self.forget_marker(name).await?;
        Ok(remove_file(&self.stored_file(name))? || marker)
    }

    async fn forget_marker(&self, name: &str) -> Result<bool, WireError> {
        let marker = self.kept_in_keyring(name);
        if !marker.is_file() {
            return Ok(false);
        }
        if let Ok(keyring) = Keyring::open(&self.env)
            && let Err(reason) = keyring.clear(&own_attributes(name)).await
        {
            tracing::warn!(
                host = name,
                reason,
                "a token stays in the keyring, and is not used"
            );
        }
        remove_file(&marker)
    }

    async fn look_into_keyring(&self, name: &str) -> Result<Found, WireError> {
        let text = match Keyring::open(&self.env) {
            Ok(keyring) => match keyring.look_up(&own_attributes(name)).await {
                Ok(Some(secret)) => Ok(secret),
                Ok(None) => Err("it has no token for this host, or is locked".to_owned()),
                Err(reason) => Err(reason),
            },
            Err(reason) => Err(reason),
        };
        checked(name, text, Source::Keyring)
    }

    fn look_into_env(&self, variable: &str) -> Result<String, String> {
        self.env.text(variable).ok_or_else(|| {
            format!(
                "`{variable}` is not set in the daemon's environment, which is not your shell's"
            )
        })
    }

    /// The file in which the token of the host `name` is kept.
    pub fn stored_file(&self, name: &str) -> PathBuf {
        let file = utf8_percent_encode(name, IN_FILE_NAMES).to_string();
        // `.` and `..` are no file names.
        let file = if file.trim_matches('.').is_empty() {
            file.replace('.', "%2E")
        } else {
            file
        };
        let folder = self.config.parent().unwrap_or(Path::new(""));
        folder.join("tokens").join(file)
    }

    /// The empty sign that the token is in the keyring. No host's name makes
    /// this file name, since `%` stands before two digits there.
    fn kept_in_keyring(&self, name: &str) -> PathBuf {
        let mut file = self.stored_file(name).into_os_string();
        file.push("%keyring");
        PathBuf::from(file)
    }
}

/// Where a token is.
enum Place {
    /// Where `auth.login` put it in the keyring.
    Keyring,
    /// Where `auth.login` or the config say.
    Source(TokenSource),
    /// Where another tool has it.
    Discovered(Discovered),
    Nowhere,
}

fn own_attributes(name: &str) -> [(&'static str, &str); 2] {
    [("service", "lore"), ("host", name)]
}

/// glab's library writes secrets in base64 where they are long or odd.
fn decoded(secret: &str) -> String {
    use base64::Engine as _;
    secret
        .strip_prefix("go-keyring-base64:")
        .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_else(|| secret.to_owned())
}

fn checked(name: &str, text: Result<String, String>, source: Source) -> Result<Found, WireError> {
    let token = text.and_then(|text| {
        let token = Token::new(&text);
        if token.is_empty() {
            Err("what stands there is empty".to_owned())
        } else {
            Ok(token)
        }
    });
    match token {
        Ok(token) => Ok(Found { token, source }),
        Err(reason) => Err(missing(name, &format!("{source}: {reason}"))),
    }
}

fn missing(name: &str, why: &str) -> WireError {
    let message = format!("there is no token for the host `{name}` ({why})");
    WireError::new(ErrorCode::TokenMissing, message)
        .details(json!({ "host": name }))
        .action(format!("lore auth login --host {name}"))
}

#[cfg(test)]
mod tests;
