//! What the daemon's environment says, handed in so that tests decide it.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The variables of an environment.
#[derive(Clone)]
pub struct Surroundings(Arc<Variable>);

type Variable = dyn Fn(&str) -> Option<OsString> + Send + Sync;

impl Surroundings {
    /// Those of this process, asked anew each time.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var_os(name))
    }

    /// Those that `variable` tells.
    pub fn new(variable: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self(Arc::new(variable))
    }

    /// Exactly these.
    pub fn of(variables: &[(&str, &str)]) -> Self {
        let pairs = variables.iter();
        let known: std::collections::HashMap<String, OsString> = pairs
            .map(|(name, value)| ((*name).to_owned(), OsString::from(value)))
            .collect();
        Self::new(move |name| known.get(name).cloned())
    }

    /// A variable that is set and not empty.
    pub(super) fn raw(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// The same as text; one that is no UTF-8 counts as not set.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.raw(name)?.into_string().ok()
    }

    /// A variable that names a folder or file absolutely; by the XDG
    /// specification another one counts as not set.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name)
            .map(PathBuf::from)
            .filter(|it| it.is_absolute())
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values may be secrets.
        f.write_str("Surroundings")
    }
}
