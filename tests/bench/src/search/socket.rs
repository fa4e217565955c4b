//! One open connection to the daemon, for calls one after another.

use std::path::Path;

use lore_demo::DemoError;
use serde_json::{Value, json};

use crate::wire::{Framing, Wire};

/// A connection that waits for each answer before it asks again.
pub(crate) struct Socket {
    wire: Wire,
    last_id: u64,
}

impl Socket {
    /// Connects to the daemon that lives in this data folder.
    pub(crate) fn open(data: &Path) -> Result<Self, DemoError> {
        Ok(Self {
            wire: Wire::connect(&data.join("lored.sock"), Framing::Lines)?,
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
        let id = self.last_id;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let answer = self.wire.ask(&request.to_string())?;
        let mut answer: Value = serde_json::from_slice(answer)
            .map_err(|error| DemoError::Wrong(format!("{method}: {error}")))?;
        if answer["id"] != id {
            return Err(DemoError::Wrong(format!("{method}: another call's answer")));
        }
        Ok(match answer.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(answer["result"].take()),
        })
    }
}
