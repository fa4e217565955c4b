//! `lore auth`: a token is tried and kept, looked at, or forgotten.

use futures_util::future::join_all;
use jiff::Timestamp;
use lore_proto::auth::{AskStatus, AuthStatus, HostToken, LoggedOut, Login, Logout};
use lore_proto::{ErrorCode, WireError};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Host, check_host_name, host_url};
use crate::gitlab::{Call, Token};
use crate::hosts::{Examined, HostClients, examine};
use crate::projects::host_key;

/// All requests of one login together.
const LOGIN_TIMEOUT: Duration = Duration::from_mins(1);

/// Tries a token, and keeps it where the host takes it.
///
/// # Errors
/// The host cannot be reached or does not take the token, the token may not
/// read, or it cannot be kept; then what was kept before stays.
pub async fn login(
    hosts: &HostClients,
    ask: Login,
    now: Timestamp,
) -> Result<HostToken, WireError> {
    let config = hosts.config();
    let name = match (&ask.host, &ask.url) {
        // Whoever names a URL means its host, and not the only one there is.
        (None, Some(url)) => of_url(&config, url)?,
        (host, _) => chosen(&config, host.as_deref(), "login")?,
    };
    let host = described(&config, &name, ask.url.as_deref())?;
    let token = Token::new(ask.token.expose());
    if token.is_empty() {
        return Err(WireError::new(ErrorCode::Usage, "the token is empty"));
    }
    let client = hosts.trial(&name, &host, token)?;
    let cancel = CancellationToken::new();
    let call = Call::interactive(&cancel, Instant::now() + LOGIN_TIMEOUT);
    let examined = examine(&client, &call).await?;
    examined.check_may_read(&name, &host)?;
    let source = hosts
        .finder()
        .keep(&name, ask.token.expose(), ask.store)
        .await?;
    hosts.forget(&name);
    let mut kept = filled(&config, &name, &host, &examined, now);
    kept.source = Some(source.to_string());
    kept.warnings = examined.warnings(&name, &host, now);
    Ok(kept)
}

/// Which token each host has, and, unless that is not wished, whether it
/// works.
///
/// # Errors
/// `HOST_UNKNOWN` where a host is named that the config does not have. What is
/// wrong with a token is part of the answer.
pub async fn status(
    hosts: &HostClients,
    ask: AskStatus,
    now: Timestamp,
) -> Result<AuthStatus, WireError> {
    let config = hosts.config();
    let names: Vec<String> = match &ask.host {
        Some(asked) => vec![host_key(&config, asked)?],
        None => config.hosts.keys().cloned().collect(),
    };
    let one = async |name: &String| {
        let host = config.hosts.get(name)?;
        let examined = if ask.offline {
            Ok(None)
        } else {
            hosts.examine(name, host).await.map(Some)
        };
        let (examined, error) = match examined {
            Ok(examined) => (examined, None),
            Err(error) => (None, Some(error)),
        };
        let mut token = filled(&config, name, host, &examined.unwrap_or_default(), now);
        token.source = hosts.describe_source(name, host).await;
        token.error = error;
        Some(token)
    };
    let found = join_all(names.iter().map(one)).await;
    Ok(AuthStatus {
        hosts: found.into_iter().flatten().collect(),
    })
}

/// Forgets the kept token of a host.
///
/// # Errors
/// The host is not known, or the file cannot be removed.
pub async fn logout(hosts: &HostClients, ask: Logout) -> Result<LoggedOut, WireError> {
    let config = hosts.config();
    let name = chosen(&config, ask.host.as_deref(), "logout")?;
    let removed = hosts.finder().forget(&name).await?;
    hosts.forget(&name);
    let host = described(&config, &name, None)?;
    Ok(LoggedOut {
        remaining_source: hosts.describe_source(&name, &host).await,
        host: name,
        removed,
    })
}

/// The host that is meant: a configured one by any of its names, a new one by
/// its own, or the only one. `command` is what to type again with its name.
fn chosen(config: &Config, asked: Option<&str>, command: &str) -> Result<String, WireError> {
    let Some(asked) = asked else {
        let mut names = config.hosts.keys();
        return match (names.next(), names.next()) {
            (Some(only), None) => Ok(only.clone()),
            (None, _) => Err(WireError::new(
                ErrorCode::Usage,
                "no host is configured yet; name the host of the token",
            )
            .action(format!("lore auth {command} --host gitlab.example.com"))),
            _ => {
                let known: Vec<&str> = config.hosts.keys().map(String::as_str).collect();
                let message = format!("name one of the hosts {}", known.join(", "));
                let error = WireError::new(ErrorCode::Usage, message);
                let actions = known
                    .iter()
                    .map(|name| format!("lore auth {command} --host {name}"));
                Err(actions.fold(error, WireError::action))
            }
        };
    };
    match host_key(config, asked) {
        Ok(key) => Ok(key),
        Err(_) => check_host_name(asked).map(str::to_owned),
    }
}

/// The host that has this URL: a configured one, or a new one by the name and
/// the port in it.
fn of_url(config: &Config, url: &str) -> Result<String, WireError> {
    let url = host_url(url).map_err(|reason| {
        let message = format!("the URL cannot be used: {reason}");
        WireError::new(ErrorCode::Usage, message)
    })?;
    let known = config.hosts.iter().find(|(_, host)| host.url == url);
    if let Some((name, _)) = known {
        return Ok(name.clone());
    }
    let host = url.host_str().unwrap_or_default();
    let name = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    check_host_name(&name).map(str::to_owned)
}

/// The host as it is configured, or as it would be. A token goes to no other
/// place than its host's, so a configured host takes no other URL.
fn described(config: &Config, name: &str, url: Option<&str>) -> Result<Host, WireError> {
    let known = config.hosts.get(name).cloned();
    let given = match (url, &known) {
        (None, Some(known)) => Ok(known.url.clone()),
        (Some(url), _) => host_url(url),
        (None, None) => host_url(&format!("https://{name}")),
    };
    let url = given.map_err(|reason| {
        let message = format!("the URL of `{name}` cannot be used: {reason}");
        WireError::new(ErrorCode::Usage, message)
    })?;
    if let Some(known) = &known
        && known.url != url
    {
        let message = format!(
            "the config has `{name}` at {}, and not at {url}; leave the URL out, or give the other host a name of its own",
            known.url
        );
        return Err(WireError::new(ErrorCode::Usage, message)
            .action(format!("lore auth login --host {name}")));
    }
    Ok(match known {
        Some(known) => Host { url, ..known },
        None => Host {
            url,
            token: None,
            projects: Vec::new(),
            ca_file: None,
            client_cert: None,
            client_key: None,
        },
    })
}

fn filled(
    config: &Config,
    name: &str,
    host: &Host,
    examined: &Examined,
    now: Timestamp,
) -> HostToken {
    HostToken {
        host: name.to_owned(),
        url: host.url.as_str().trim_end_matches('/').to_owned(),
        configured: config.hosts.contains_key(name),
        source: None,
        username: Some(examined.username.clone()).filter(|it| !it.is_empty()),
        scopes: examined.facts.scopes.clone(),
        expires_at: examined.facts.expires_at.clone(),
        expires_in_days: examined.facts.days_left(now),
        error: None,
        warnings: examined.facts.warnings(name, now),
    }
}

#[cfg(test)]
mod tests;
