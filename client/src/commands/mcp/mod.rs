//! `lore mcp`: a Model Context Protocol server on stdin and stdout, over the
//! daemon's socket.
//!
//! The protocol is that of `rmcp`, the official SDK, on a runtime of one
//! thread that this command alone starts. Each request is answered on a thread
//! of its own by the same blocking code that every other command uses: a new
//! connection, the handshake, the call. So a daemon that is not there is
//! started, and one that went away in between is not missed.

mod answer;
mod arguments;
mod call;
mod error;
mod fit;
mod resources;
mod schema;
mod server;
mod stdio;
mod tools;

use std::io::{self, IsTerminal as _};

use clap::Args;
use lore_proto::daemon::Nothing;
use lore_proto::{ErrorCode, WireError};
use rmcp::service::{ServerInitializeError, serve_server_with_ct};
use tokio_util::sync::CancellationToken;

use super::{Facts, Reply, Run};
use crate::context::Context;
use crate::failure::Failure;
use server::Server;
use stdio::{Input, Output};

/// Threads for requests, and for stdin and stdout, which take one each.
const THREADS: usize = server::AT_ONCE + 4;

/// Serve the mirror to an agent: Model Context Protocol on stdin and stdout
///
/// Started by an agent's program, not by hand. `-p` and `--host` given here
/// are the project of every tool call that names none.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  claude mcp add lore -- lore mcp
  codex mcp add lore -- lore mcp -p group/project
  {\"mcpServers\": {\"lore\": {\"command\": \"lore\", \"args\": [\"mcp\"]}}}")]
pub(crate) struct Mcp {}

impl Run for Mcp {
    // It writes MCP to stdout and no document. Its tool `sync` writes.
    const FACTS: &'static [Facts] = &[Facts::write::<Nothing>("mcp").asks_gitlab()];

    fn name(&self) -> &'static str {
        "mcp"
    }

    fn gives_document(&self, _: bool) -> bool {
        // stdout is the protocol's; what goes wrong is said on stderr.
        false
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        if io::stdin().is_terminal() {
            context
                .printer
                .note("waiting for MCP messages on stdin; an agent's program starts this: lore mcp --help");
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(THREADS)
            .build()
            .map_err(|error| Failure::io("starting the runtime of `lore mcp`", &error))?;
        let served = runtime.block_on(serve(context));
        // A thread may still wait for the daemon or for stdin.
        runtime.shutdown_background();
        served.map(|()| Reply::Shown)
    }
}

/// Serves until stdin ends or nobody reads stdout any more.
async fn serve(context: &Context) -> Result<(), Failure> {
    let end = CancellationToken::new();
    let server = Server::new(context);
    let input = Input::new(tokio::io::stdin(), server.leaving());
    let output = Output::new(tokio::io::stdout(), server.leaving(), end.clone());
    match serve_server_with_ct(server, (input, output), end.clone()).await {
        Ok(running) => running.waiting().await.map(drop).map_err(|error| {
            let error = format!("the MCP server met a defect of its own: {error}");
            WireError::new(ErrorCode::Internal, error).into()
        }),
        // Gone before the first word.
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => {
            Ok(())
        }
        // Nobody reads what is written.
        Err(_) if end.is_cancelled() => Ok(()),
        Err(error) => Err(WireError::new(
            ErrorCode::Usage,
            format!(
                "what stands on stdin is no MCP client: {}",
                fit::shorten(&error.to_string(), 300)
            ),
        )
        .action("lore mcp --help")
        .into()),
    }
}
