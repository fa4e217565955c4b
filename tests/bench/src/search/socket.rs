//! One open connection to the daemon: a JSON text a line, each way.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use lore_demo::DemoError;
use serde_json::{Value, json};

/// No answer takes longer.
const LIMIT: Duration = Duration::from_mins(1);

/// A connection that waits for each answer before it asks again.
#[derive(Debug)]
pub(crate) struct Socket {
    reader: BufReader<UnixStream>,
    last_id: u64,
}

impl Socket {
    /// Connects to the daemon that lives in this data folder.
    pub(crate) fn open(data: &Path) -> Result<Self, DemoError> {
        let path = data.join("lored.sock");
        let stream = UnixStream::connect(&path)
            .map_err(DemoError::io(format!("connecting to `{}`", path.display())))?;
        stream
            .set_read_timeout(Some(LIMIT))
            .map_err(DemoError::io("limiting the wait for an answer"))?;
        Ok(Self {
            reader: BufReader::new(stream),
            last_id: 0,
        })
    }

    /// The result of a call; the inner error is the daemon's.
    pub(crate) fn call(
        &mut self,
        method: &str,
        params: &impl serde::Serialize,
    ) -> Result<Result<Value, Value>, DemoError> {
        self.last_id += 1;
        let request =
            json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params});
        let mut line = request.to_string();
        line.push('\n');
        self.reader
            .get_mut()
            .write_all(line.as_bytes())
            .map_err(DemoError::io("asking the daemon"))?;
        loop {
            let mut line = String::new();
            self.reader
                .read_line(&mut line)
                .map_err(DemoError::io("reading the daemon's answer"))?;
            let mut answer: Value = serde_json::from_str(&line)
                .map_err(|error| DemoError::Wrong(format!("{method}: {error}")))?;
            if answer["id"] != self.last_id {
                continue;
            }
            return Ok(match answer.get_mut("error") {
                Some(error) => Err(error.take()),
                None => Ok(answer["result"].take()),
            });
        }
    }
}
