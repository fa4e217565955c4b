//! Why a text is no reference.

use lore_proto::ErrorCode;

/// Why a text names no item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// There is nothing in it.
    #[error("an empty text names no issue or merge request")]
    Empty,
    /// It is longer than any address.
    #[error("a text of {0} bytes is no reference")]
    TooLong(usize),
    /// It is neither an address nor a short reference.
    #[error(
        "`{0}` is no reference; write `123`, `#123`, `!123`, `group/project!123`, or paste the \
         address of an issue or merge request"
    )]
    Unreadable(String),
    /// The number is zero or beyond what GitLab has.
    #[error("`{0}` is no number of an issue or merge request; they count from 1")]
    BadNumber(String),
    /// The address is of no configured instance.
    #[error("`{host}` is no configured host{}", known_hosts(.known))]
    UnknownHost {
        /// The address's host and port.
        host: String,
        /// The configured ones.
        known: Vec<String>,
    },
    /// The address is of the instance, but of something else.
    #[error("this is the address of {what}, not of an issue or merge request; {hint}")]
    NotAnItem {
        /// What it is.
        what: String,
        /// How to get at an item from there.
        hint: &'static str,
    },
}

impl ReferenceError {
    /// The wire code (contract §6).
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownHost { .. } => ErrorCode::HostUnknown,
            _ => ErrorCode::BadUrl,
        }
    }
}

fn known_hosts(known: &[String]) -> String {
    if known.is_empty() {
        String::new()
    } else {
        format!("; configured: {}", known.join(", "))
    }
}
