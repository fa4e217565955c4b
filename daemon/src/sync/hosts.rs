//! The clients of all configured hosts.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use lore_proto::{ErrorCode, WireError};

use crate::gitlab::Client;

/// A client that may still be in the making, or why there is none.
type Making = Shared<BoxFuture<'static, Result<Client, WireError>>>;

/// One client a host, or why there is none. Clones share them; a config reload
/// replaces them, and requests under way end with the clients they have.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    clients: Arc<RwLock<BTreeMap<String, Making>>>,
}

impl Hosts {
    /// Takes this client of a host from here on, once it is made.
    pub fn set(
        &self,
        host: &str,
        client: impl Future<Output = Result<Client, WireError>> + Send + 'static,
    ) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.insert(host.to_owned(), client.boxed().shared());
    }

    /// Forgets the hosts that are not to be kept.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|host, _| keep(host));
    }

    /// The client of a host, waiting until it is made, or why it has none.
    pub async fn client(&self, host: &str) -> Result<Client, WireError> {
        let making = {
            let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
            clients.get(host).cloned()
        };
        match making {
            Some(making) => making.await,
            None => Err(WireError::new(
                ErrorCode::HostUnknown,
                format!("the host `{host}` is not in the config"),
            )
            .action("lore status")),
        }
    }
}
