//! `lore auth`: tokens. One is read unseen or from stdin, never from an
//! argument, which others can see.

use std::io::{self, IsTerminal as _};

use clap::{Args, Subcommand, ValueHint};
use lore_proto::auth::{AskStatus, AuthStatus, HostToken, LoggedOut, Login, Logout, TokenStore};
use lore_proto::methods::{AuthLogin, AuthLogout, GetAuthStatus};
use lore_proto::setup::Secret;
use lore_proto::{ErrorCode, WireError};

use super::init::{checked_url, read_token};
use super::{Facts, Reply, Run};
use crate::context::Context;
use crate::failure::Failure;
use crate::keyboard::{self, Typed};
use crate::output::{Page, View, sanitise, text};

/// Keep, look at and forget tokens
#[derive(Debug, Args)]
pub(crate) struct Auth {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Try a token and keep it for the daemon
    ///
    /// It is asked for unseen on a terminal and read from stdin elsewhere. The
    /// scope `read_api` is enough.
    #[command(after_help = "Examples:
  lore auth login
  lore auth login --host gitlab.example.com
  pass show gitlab | lore auth login")]
    Login {
        /// Where the host is, when that is neither in the config nor `https://HOST`
        #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
        url: Option<String>,
        /// Keep it in the desktop's keyring instead of a file that only you can read
        #[arg(long)]
        keyring: bool,
    },
    /// Show which token each host has, and whether it works
    #[command(after_help = "Examples:
  lore auth status
  lore auth status --offline --robot")]
    Status {
        /// Do not ask GitLab
        #[arg(long)]
        offline: bool,
    },
    /// Forget a kept token
    #[command(after_help = "Example:\n  lore auth logout --host gitlab.example.com")]
    Logout,
}

impl Run for Auth {
    const FACTS: &'static [Facts] = &[
        Facts::write::<HostToken>("auth login").asks_gitlab(),
        Facts::read::<AuthStatus>("auth status").asks_gitlab(),
        Facts::write::<LoggedOut>("auth logout"),
    ];

    fn name(&self) -> &'static str {
        match self.action {
            Action::Login { .. } => "auth login",
            Action::Status { .. } => "auth status",
            Action::Logout => "auth logout",
        }
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        let host = context.globals.host.clone();
        match self.action {
            Action::Login { url, keyring } => {
                let url = url.as_deref().map(checked_url).transpose()?;
                let ask = Login {
                    url: url.map(str::to_owned),
                    token: token(context, host.as_deref())?,
                    host,
                    store: if keyring {
                        TokenStore::Keyring
                    } else {
                        TokenStore::File
                    },
                };
                context.answer::<AuthLogin>(&ask, logged_in)
            }
            Action::Status { offline } => {
                context.answer::<GetAuthStatus>(&AskStatus { host, offline }, all)
            }
            Action::Logout => {
                context.answer::<AuthLogout>(&Logout { host }, |out, _| logged_out(out))
            }
        }
    }
}

/// From the person at the terminal, unseen; else the first line of stdin.
fn token(context: &Context, host: Option<&str>) -> Result<Secret, Failure> {
    if !io::stdin().is_terminal() {
        return read_token(io::stdin().lock());
    }
    if context.printer.robot {
        return Err(Failure::usage(
            "robot mode asks nobody; give the token on stdin, as in `pass show gitlab | lore auth login`",
        ));
    }
    let host = host.map_or_else(String::new, |host| format!(" for {}", sanitise::line(host)));
    let question = format!("Token{host} with scope read_api (unseen): ");
    let typed = keyboard::line(false, || {
        context.printer.err(&question);
        Ok(())
    });
    match typed.map_err(|error| Failure::io("reading the token", &error))? {
        Typed::Line(typed) => read_token(typed.as_bytes()),
        Typed::Ended => {
            // The question's line is still open.
            context.printer.err("\n");
            Err(WireError::new(ErrorCode::Cancelled, "no token was given; nothing was kept").into())
        }
    }
}

fn logged_in(token: &HostToken, view: &View) -> String {
    let mut page = Page::default();
    one(&mut page, token, view);
    if !token.configured {
        page.line(format_args!(
            "Nothing of it is mirrored yet: lore init --host {}",
            sanitise::line(&token.host)
        ));
    }
    page.into_text()
}

fn all(status: &AuthStatus, view: &View) -> String {
    if status.hosts.is_empty() {
        return "No hosts are configured. `lore init` adds one.\n".to_owned();
    }
    let mut page = Page::default();
    for (at, token) in status.hosts.iter().enumerate() {
        if at > 0 {
            page.blank();
        }
        one(&mut page, token, view);
    }
    page.into_text()
}

fn one(page: &mut Page, token: &HostToken, view: &View) {
    let paint = view.paint;
    page.line(format_args!(
        "{}  {}",
        paint.bold(sanitise::line(&token.host)),
        paint.dim(sanitise::line(&token.url))
    ));
    let source = token.source.as_deref().unwrap_or("none found");
    page.line(format_args!("  token   {}", sanitise::line(source)));
    if let Some(user) = &token.username {
        page.line(format_args!("  user    {}", sanitise::line(user)));
        let scopes = if token.scopes.is_empty() {
            "not told".to_owned()
        } else {
            token.scopes.join(", ")
        };
        page.line(format_args!("  scopes  {}", sanitise::line(&scopes)));
        page.line(format_args!("  ends    {}", ends(token)));
    }
    if let Some(error) = &token.error {
        page.line(format_args!(
            "  {} {}",
            paint.bad("problem:"),
            sanitise::line(&error.message)
        ));
        for action in &error.actions {
            page.line(format_args!(
                "  {} {}",
                paint.name("hint:"),
                sanitise::line(action)
            ));
        }
    }
    for warning in &token.warnings {
        page.line(format_args!(
            "  {} {}",
            paint.warn("warning:"),
            sanitise::line(warning)
        ));
    }
}

fn ends(token: &HostToken) -> String {
    let Some(day) = &token.expires_at else {
        return "never, or not told".to_owned();
    };
    let day = sanitise::line(day);
    match token.expires_in_days.map(u64::try_from) {
        Some(Ok(days)) => format!("{day} (in {})", text::count(days, "day")),
        Some(Err(_)) => format!("{day} (over)"),
        None => day.into_owned(),
    }
}

fn logged_out(out: &LoggedOut) -> String {
    let host = sanitise::line(&out.host);
    let mut page = Page::default();
    if out.removed {
        page.line(format_args!(
            "The token for {host} is forgotten. It still works until it is revoked in GitLab."
        ));
    } else {
        page.line(format_args!("No token was kept for {host}."));
    }
    if let Some(source) = &out.remaining_source {
        page.line(format_args!(
            "One is still found: {}",
            sanitise::line(source)
        ));
    }
    page.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_described_by_all_but_itself() {
        let token = HostToken {
            host: "h".into(),
            url: "https://h".into(),
            configured: false,
            source: Some("file /c/tokens/h".into()),
            username: Some("ada\u{1b}[2J".into()),
            scopes: vec!["read_api".into()],
            expires_at: Some("2026-12-01".into()),
            expires_in_days: Some(10),
            error: Some(WireError::new(ErrorCode::Network, "away").action("lore doctor")),
            warnings: vec!["it ends soon".into()],
        };
        assert_eq!(
            logged_in(&token, &View::plain("2026-11-21T12:00:00Z")),
            "\
h  https://h
  token   file /c/tokens/h
  user    ada
  scopes  read_api
  ends    2026-12-01 (in 10 days)
  problem: away
  hint: lore doctor
  warning: it ends soon
Nothing of it is mirrored yet: lore init --host h
"
        );
    }

    #[test]
    fn a_logout_says_what_is_still_found() {
        let out = LoggedOut {
            host: "h".into(),
            removed: true,
            remaining_source: Some("environment variable GITLAB_TOKEN".into()),
        };
        let said = logged_out(&out);
        assert!(
            said.contains("revoked") && said.contains("GITLAB_TOKEN"),
            "{said}"
        );
    }
}
