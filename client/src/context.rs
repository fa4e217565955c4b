//! What a command works with: the flags, the printer and the way to the
//! daemon.

use lore_proto::daemon::HelloReply;
use lore_proto::methods::{Effect, Method};
use lore_proto::places::{Overrides, Places};
use lore_proto::project::{Freshness, Read};
use lore_proto::{ErrorCode, Timestamp, WireError};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::checkout::{Checkout, UserFiles};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::globals::{Globals, switched_on};
use crate::link::{self, CallError, Connection, Probe, parse_result};
use crate::output::Reply;
use crate::output::robot::Document;
use crate::output::{Printer, View};

/// One invocation.
pub(crate) struct Context {
    /// Flags that every command takes.
    pub(crate) globals: Globals,
    /// stdout and stderr.
    pub(crate) printer: Printer,
    places: Option<Places>,
    /// What is to be said with the answer.
    warnings: Vec<String>,
}

impl Context {
    /// The beginnings of an invocation; touches nothing yet.
    pub(crate) fn new(globals: Globals, printer: Printer) -> Self {
        Self {
            globals,
            printer,
            places: None,
            warnings: Vec::new(),
        }
    }

    /// A second one that works alike.
    pub(crate) fn another(&self) -> Self {
        Self {
            places: self.places.clone(),
            ..Self::new(self.globals.clone(), self.printer)
        }
    }

    /// Where the daemon's things are.
    pub(crate) fn places(&mut self) -> Result<Places, Failure> {
        if let Some(places) = &self.places {
            return Ok(places.clone());
        }
        let overrides = Overrides {
            config: self.globals.config.clone(),
            socket: self.globals.socket.clone(),
        };
        let places =
            Places::from_env(&overrides).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(self.places.insert(places).clone())
    }

    /// The one project that `-p` names.
    pub(crate) fn project(&self) -> Result<Option<String>, Failure> {
        match self.globals.project.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one.clone())),
            _ => Err(Failure::usage(
                "this command takes one project, and `-p` is given more than once",
            )),
        }
    }

    /// What the current folder's git checkout says of the project; nothing
    /// where `-p` does.
    pub(crate) fn remotes(&self, checkout: Option<&Checkout>) -> Vec<String> {
        match checkout {
            Some(checkout) if self.globals.project.is_empty() => {
                checkout.remotes(&UserFiles::from_env())
            }
            _ => Vec::new(),
        }
    }

    /// A connection that has shaken hands; the daemon is started where none
    /// answers and that is wanted.
    pub(crate) fn connect(&mut self) -> Result<(Connection, HelloReply), Failure> {
        let places = self.places()?;
        match link::probe(&places) {
            Probe::Ready(connection, hello) => Ok((*connection, *hello)),
            Probe::Unfit(error) => Err(error.into()),
            Probe::Absent(cause) => self.start_absent(&places, &cause),
        }
    }

    /// As [`Context::connect`], and never starts anything.
    pub(crate) fn connect_to_running(&mut self) -> Result<(Connection, HelloReply), Failure> {
        let places = self.places()?;
        match link::probe(&places) {
            Probe::Ready(connection, hello) => Ok((*connection, *hello)),
            Probe::Unfit(error) => Err(error.into()),
            Probe::Absent(cause) => Err(absent(&places, &cause).into()),
        }
    }

    /// Calls `M` and gives its result as the daemon wrote it.
    pub(crate) fn ask_raw<M: Method>(
        &mut self,
        params: &M::Params,
    ) -> Result<Box<RawValue>, Failure> {
        let mut connection = if M::EFFECT == Effect::Write {
            self.connect()?.0
        } else {
            let places = self.places()?;
            let first = Connection::open(&places.socket)
                .map_err(CallError::Lost)
                .and_then(|mut connection| {
                    connection.greet_and_call::<M>(&link::hello(&places), params)
                });
            match first {
                Ok(answer) => return answer.map_err(|error| WireError::from(error).into()),
                Err(CallError::Lost(cause)) if link::means_absent(&cause) => {
                    self.start_absent(&places, &cause)?.0
                }
                // Somebody is there and does not talk: the probe says it.
                Err(CallError::Lost(_)) => self.connect()?.0,
                Err(error) => return Err(WireError::from(error).into()),
            }
        };
        let answer = connection.call_raw::<M>(params);
        answer.map_err(|error| WireError::from(error).into())
    }

    /// Calls `M` and gives its result by type.
    pub(crate) fn ask<M: Method>(&mut self, params: &M::Params) -> Result<M::Result, Failure> {
        let raw = self.ask_raw::<M>(params)?;
        parse_result(M::NAME, &raw).map_err(|error| WireError::from(error).into())
    }

    /// Asks and answers: the daemon's bytes in robot mode, else `render`'s
    /// text.
    pub(crate) fn answer<M: Method>(
        &mut self,
        params: &M::Params,
        render: impl FnOnce(&M::Result, &View) -> String,
    ) -> Result<Reply, Failure> {
        let raw = self.ask_raw::<M>(params)?;
        if self.printer.robot {
            return Ok(Reply::Document(Document::new(raw)));
        }
        let result = parse_result::<M::Result>(M::NAME, &raw).map_err(WireError::from)?;
        self.printer.show(&render(&result, &self.printer.view()))?;
        Ok(Reply::Shown)
    }

    /// As [`Context::answer`] for reads of the mirror, which say how current
    /// they are.
    pub(crate) fn answer_read<M, T>(
        &mut self,
        params: &M::Params,
        fields: Option<&Fields>,
        render: impl FnOnce(&T, Option<&Freshness>, &View) -> String,
    ) -> Result<Reply, Failure>
    where
        M: Method<Result = Read<T>>,
        T: serde::de::DeserializeOwned,
    {
        let read = self.read::<M>(params)?;
        self.show_read(read, fields, render)
    }

    /// Calls a read and gives its parts, the data as the daemon wrote it.
    pub(crate) fn read<M: Method>(&mut self, params: &M::Params) -> Result<RawRead, Failure> {
        let raw = self.ask_raw::<M>(params)?;
        parse_result(M::NAME, &raw).map_err(|error| WireError::from(error).into())
    }

    /// Answers with what a read gave.
    pub(crate) fn show_read<T: serde::de::DeserializeOwned>(
        &mut self,
        read: RawRead,
        fields: Option<&Fields>,
        render: impl FnOnce(&T, Option<&Freshness>, &View) -> String,
    ) -> Result<Reply, Failure> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.extend(read.warnings);
        if self.printer.robot {
            let data = match fields {
                Some(fields) => fields.pick(&read.data)?,
                None => read.data,
            };
            return Ok(Reply::Document(Document {
                data,
                freshness: read.freshness,
                warnings,
            }));
        }
        let data = parse_result::<T>("the answer", &read.data).map_err(WireError::from)?;
        for warning in &warnings {
            self.printer.warning(warning);
        }
        let mut view = self.printer.view();
        // Ages are counted from when the daemon answered.
        view.now = read
            .freshness
            .as_ref()
            .and_then(answered_at)
            .unwrap_or(view.now);
        let page = render(&data, read.freshness.as_ref(), &view);
        self.printer.show(&page)?;
        Ok(Reply::Shown)
    }

    /// Says something about the answer that is still to come.
    pub(crate) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    fn start_absent(
        &self,
        places: &Places,
        cause: &std::io::Error,
    ) -> Result<(Connection, HelloReply), Failure> {
        if self.globals.no_autostart || switched_on(std::env::var_os("LORE_NO_AUTOSTART")) {
            return Err(absent(places, cause).into());
        }
        if self.printer.err.interactive {
            self.printer.note("starting the daemon …");
        }
        let (connection, hello) = link::launch(places)?;
        if self.printer.verbose {
            self.printer.note(&format!(
                "lored {} (pid {}) answers at {}",
                hello.version,
                hello.pid,
                places.socket.display()
            ));
        }
        Ok((connection, hello))
    }
}

/// Nobody answers, and nobody is to be started.
fn absent(places: &Places, cause: &std::io::Error) -> WireError {
    WireError::new(
        ErrorCode::DaemonUnavailable,
        format!(
            "no daemon answers at `{}` ({cause})",
            places.socket.display()
        ),
    )
    .action("lore daemon start")
}

/// A read's answer with its data unparsed.
#[derive(Debug, Deserialize)]
pub(crate) struct RawRead {
    /// What was asked for.
    pub(crate) data: Box<RawValue>,
    /// How current it is.
    #[serde(default)]
    pub(crate) freshness: Option<Freshness>,
    /// What the daemon says about it.
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

/// When the daemon answered, by its own clock.
fn answered_at(freshness: &Freshness) -> Option<Timestamp> {
    let age = i64::try_from(freshness.age_seconds?).ok()?;
    Timestamp::from_second(freshness.last_synced_at?.as_second().checked_add(age)?).ok()
}
