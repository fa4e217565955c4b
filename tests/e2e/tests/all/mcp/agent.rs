//! A client of the Model Context Protocol that knows nothing of it: JSON texts
//! on the stdin and stdout of `lore mcp`.

#![allow(
    clippy::needless_pass_by_value,
    reason = "calls are written with `json!`, and read better without a `&`"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Nothing that an agent asks for here takes longer.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// `lore mcp`, and what it wrote.
pub(super) struct Agent {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    last_id: u64,
    /// Notifications that came while an answer was waited for.
    pub(super) notices: Vec<Value>,
}

impl Agent {
    /// Starts it, and shakes hands.
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut agent = Self {
            stdin: child.stdin.take(),
            child,
            lines,
            last_id: 0,
            notices: Vec::new(),
        };
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {},
                           "clientInfo": {"name": "test", "version": "1"}});
        let reply = agent.ask("initialize", hello);
        assert_eq!(reply["result"]["protocolVersion"], "2025-11-25", "{reply}");
        agent.notify("notifications/initialized", &json!({}));
        agent
    }

    /// Sends a line as it is.
    pub(super) fn send(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    pub(super) fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string());
    }

    /// Sends a request and gives its id.
    pub(super) fn request(&mut self, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        self.send(
            &json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string(),
        );
        id
    }

    /// The next message; none within the time.
    fn message(&mut self, wait: Duration) -> Option<Value> {
        let line = self.lines.recv_timeout(wait).ok()?;
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        Some(message)
    }

    /// Waits for the next notification.
    pub(super) fn notice(&mut self) -> Value {
        let message = self.message(PATIENCE).expect("a notification");
        assert!(message["method"].is_string(), "{message}");
        message
    }

    /// The whole answer to a request.
    pub(super) fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params);
        self.answer(id)
    }

    /// Waits for the answer to the request with this id.
    pub(super) fn answer(&mut self, id: u64) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = self.message(left).unwrap_or_else(|| {
                // What it complains about is worth more than that it is silent.
                let _ = self.child.kill();
                panic!("no answer to request {id}: {}", self.stderr())
            });
            match message.get("id") {
                Some(of) if *of == id => return message,
                Some(of) => panic!("an answer to {of} while {id} was waited for: {message}"),
                None => self.notices.push(message),
            }
        }
    }

    /// Calls a tool and gives its result.
    pub(super) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let mut reply = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        assert!(reply.get("error").is_none(), "{tool}: {reply}");
        reply["result"].take()
    }

    /// Calls a tool that answers, and gives what it answered: the same as
    /// structured content and as text.
    #[track_caller]
    pub(super) fn read(&mut self, tool: &str, arguments: Value) -> Value {
        let mut result = self.call(tool, arguments);
        assert_ne!(result["isError"], true, "{tool}: {result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        let same: Value = serde_json::from_str(text).unwrap();
        assert_eq!(same, result["structuredContent"], "{tool}");
        result["structuredContent"].take()
    }

    /// Calls a tool that says no, and gives its error.
    #[track_caller]
    pub(super) fn refused(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool}: {result}");
        assert!(result.get("structuredContent").is_none(), "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        let mut told: Value = serde_json::from_str(text).unwrap();
        assert!(
            !told["error"]["next_step"].as_str().unwrap().is_empty(),
            "{told}"
        );
        told["error"].take()
    }

    /// Ends stdin and gives the exit status and what stands on stderr.
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        drop(self.stdin.take());
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "lore mcp does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        (status.code(), self.stderr())
    }

    fn stderr(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut text).unwrap();
        }
        text
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
