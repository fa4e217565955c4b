//! A daemon whose every answer a test decides.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::process::PATIENCE;

type Handler = Box<dyn Fn(&Value, &mut Peer) + Send + Sync>;

/// What a fake daemon does with each method.
pub(crate) struct Fake {
    handlers: HashMap<&'static str, Handler>,
}

/// A fake daemon that listens.
pub(crate) struct Listening {
    seen: Mutex<Receiver<Value>>,
}

/// One connection, in the middle of a request.
pub(crate) struct Peer {
    stream: UnixStream,
    id: Value,
    open: bool,
}

impl Fake {
    /// One that shakes hands.
    pub(crate) fn new() -> Self {
        Self {
            handlers: HashMap::new(),
        }
        .answers("daemon.hello", hello(100))
    }

    /// Gives this result.
    pub(crate) fn answers(self, method: &'static str, result: Value) -> Self {
        self.does(method, move |_, peer| peer.result(&result))
    }

    /// Gives this error.
    pub(crate) fn refuses(self, method: &'static str, code: &str, exit: u8) -> Self {
        let error = json!({
            "code": -31000,
            "message": format!("refused with {code}"),
            "data": {"code": code, "exit_code": exit, "retryable": false,
                     "details": {"why": "test"}, "actions": ["lore status"]},
        });
        self.does(method, move |_, peer| peer.error(&error))
    }

    /// Does what the test wants with a request.
    pub(crate) fn does(
        mut self,
        method: &'static str,
        handler: impl Fn(&Value, &mut Peer) + Send + Sync + 'static,
    ) -> Self {
        self.handlers.insert(method, Box::new(handler));
        self
    }

    /// Listens at `socket` until the test process ends.
    pub(crate) fn listen(self, socket: &Path) -> Listening {
        let listener = UnixListener::bind(socket).unwrap();
        let (sender, seen) = channel();
        let fake = Arc::new(self);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (fake, sender) = (Arc::clone(&fake), sender.clone());
                std::thread::spawn(move || fake.serve(stream.unwrap(), &sender));
            }
        });
        Listening {
            seen: Mutex::new(seen),
        }
    }

    fn serve(&self, stream: UnixStream, seen: &Sender<Value>) {
        let mut peer = Peer {
            stream: stream.try_clone().unwrap(),
            id: Value::Null,
            open: true,
        };
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            let request: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(request["jsonrpc"], "2.0");
            peer.id = request["id"].clone();
            // Seen before it is answered: a client that has its answer may end,
            // and the test look, at once.
            let _ = seen.send(request.clone());
            let method = request["method"].as_str().unwrap();
            match self.handlers.get(method) {
                Some(handler) => handler(&request["params"], &mut peer),
                None => peer.error(&json!({"code": -32601, "message": "Method not found"})),
            }
            if !peer.open {
                let _ = peer.stream.shutdown(std::net::Shutdown::Both);
                return;
            }
        }
    }
}

impl Listening {
    /// The parameters of the next request of this method; others are passed
    /// over.
    pub(crate) fn next(&self, method: &str) -> Value {
        let seen = self.seen.lock().unwrap();
        loop {
            let request = seen
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("no request `{method}` came"));
            if request["method"] == method {
                return request["params"].clone();
            }
        }
    }

    /// The methods that were asked for so far and not looked at.
    pub(crate) fn methods(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.try_iter()
            .map(|request| request["method"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Peer {
    pub(crate) fn result(&mut self, result: &Value) {
        let id = self.id.clone();
        self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string());
    }

    /// A result with its bytes as they are given.
    pub(crate) fn raw_result(&mut self, result: &str) {
        let id = &self.id;
        self.send(&format!(
            r#"{{"jsonrpc":"2.0","result":{result},"id":{id}}}"#
        ));
    }

    pub(crate) fn error(&mut self, error: &Value) {
        let id = self.id.clone();
        self.send(&json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string());
    }

    /// An event of a subscription.
    pub(crate) fn event(&mut self, event: &Value) {
        let params = json!({"subscription": 7, "result": event});
        let notice = json!({"jsonrpc": "2.0", "method": "jobs.event", "params": params});
        self.send(&notice.to_string());
    }

    pub(crate) fn send(&mut self, line: &str) {
        // A client that has gone is some tests' very point.
        let _ = self.stream.write_all(format!("{line}\n").as_bytes());
    }

    /// Ends the connection after this request.
    pub(crate) fn close(&mut self) {
        self.open = false;
    }
}

/// A handshake as the daemon with this pid gives it.
pub(crate) fn hello(pid: u32) -> Value {
    json!({"protocol": 1, "version": "0.1.0", "pid": pid, "data_dir": "/d", "config": "/c",
           "degraded": null})
}
