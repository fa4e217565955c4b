//! Feeds the server connections that libFuzzer makes up: the first byte's
//! telling, all framings, HTTP, the WebSocket, the parser of requests and the
//! dispatcher, as the real thing and in one piece. From this folder:
//!
//! ```sh
//! mkdir -p corpus
//! cargo run --release -- corpus seeds -dict=words -max_len=4096 -max_total_time=3600
//! ```
//!
//! It ends with the time, or at the first input that panics, hangs or is
//! answered with something that is no JSON-RPC, and leaves that in a file.

#![no_main]

mod answers;
mod stream;

use std::cell::RefCell;

use jsonrpsee::{ConnectionId, Methods, RpcModule};
use libfuzzer_sys::fuzz_target;
use lore_daemon::config::Limits;
use lore_daemon::server::connection::{Connection, serve};
use serde_json::value::RawValue;
use stream::Scripted;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

thread_local! {
    static SERVER: RefCell<Option<(Runtime, Methods)>> = const { RefCell::new(None) };
}

fuzz_target!(|data: &[u8]| {
    // The first byte decides in which pieces the rest arrives.
    let Some((&piece, input)) = data.split_first() else {
        return;
    };
    SERVER.with_borrow_mut(|server| {
        let (runtime, methods) = server.get_or_insert_with(|| (runtime(), methods()));
        let (stream, output) = Scripted::new(input, usize::from(piece));
        let connection = Connection {
            methods: methods.clone(),
            limits: limits(),
            id: ConnectionId(1),
            stop: CancellationToken::new(),
            gone: CancellationToken::new(),
        };
        runtime.block_on(serve(stream, connection));
        let output = output.lock().expect("the connection has ended");
        answers::check(input, &output);
    });
});

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// Small enough that short inputs can cross them.
fn limits() -> Limits {
    Limits {
        max_message_bytes: 1024,
        max_batch: 4,
        max_subscriptions: 2,
        max_in_flight: 2,
        max_queued: 2,
        ..Limits::default()
    }
}

fn methods() -> Methods {
    let mut module = RpcModule::new(());
    let echo = |params: jsonrpsee::types::Params<'_>| {
        let text = params.as_str().unwrap_or("null").to_owned();
        // Parsed and written anew: what a client has written may have line
        // breaks in it, which no reply of a handler has.
        serde_json::from_str::<serde_json::Value>(&text).ok()
    };
    module
        .register_async_method("echo", move |params, _, _| async move { echo(params) })
        .expect("a new name");
    module
        .register_subscription(
            "follow",
            "event",
            "unfollow",
            |_, pending, _, _| async move {
                let Ok(sink) = pending.accept().await else {
                    return;
                };
                let event = RawValue::from_string("{\"seq\":1}".to_owned()).expect("JSON");
                // The client may be gone.
                let _ = sink.send(event).await;
            },
        )
        .expect("new names");
    module.into()
}
