//! `auth.login`, `auth.status`, `auth.logout`, which are there without a config
//! too.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::auth::{AskStatus, AuthStatus, HostToken, LoggedOut, Login, Logout};

use crate::auth;
use crate::daemon::Daemon;

pub(super) async fn login(daemon: Arc<Daemon>, ask: Login) -> Result<HostToken, WireError> {
    auth::login(daemon.hosts(), ask, daemon.clock().now()).await
}

pub(super) async fn status(daemon: Arc<Daemon>, ask: AskStatus) -> Result<AuthStatus, WireError> {
    auth::status(daemon.hosts(), ask, daemon.clock().now()).await
}

pub(super) async fn logout(daemon: Arc<Daemon>, ask: Logout) -> Result<LoggedOut, WireError> {
    auth::logout(daemon.hosts(), ask).await
}
