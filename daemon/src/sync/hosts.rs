//! The clients of all configured hosts.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use lore_proto::{ErrorCode, WireError};

use crate::gitlab::Client;

/// One client a host, or why there is none. Clones share them; a config reload
/// replaces them, and requests under way end with the clients they have.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    clients: Arc<RwLock<BTreeMap<String, Result<Client, WireError>>>>,
}

impl Hosts {
    /// Takes these clients from here on.
    pub fn replace(&self, clients: BTreeMap<String, Result<Client, WireError>>) {
        *self.clients.write().unwrap_or_else(PoisonError::into_inner) = clients;
    }

    /// The client of a host, or why it has none.
    pub fn client(&self, host: &str) -> Result<Client, WireError> {
        self.clients
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(host)
            .cloned()
            .unwrap_or_else(|| {
                Err(WireError::new(
                    ErrorCode::HostUnknown,
                    format!("the host `{host}` is not in the config"),
                )
                .action("lore status"))
            })
    }

    /// All of them, by host.
    pub fn all(&self) -> Vec<(String, Result<Client, WireError>)> {
        self.clients
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(host, client)| (host.clone(), client.clone()))
            .collect()
    }
}
