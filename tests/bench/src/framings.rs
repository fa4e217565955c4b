//! Round trips on open connections, in each framing of the socket, beside each
//! other.

use std::path::Path;
use std::time::{Duration, Instant};

use lore_demo::{DemoError, Home, Interrupt};
use serde_json::{Value, json};

use crate::report::{self, millis};
use crate::wire::{Framing, Wire};

/// How many calls one framing gets at a time before the next has its turn; a
/// multiple of all numbers of clients.
const TURN: usize = 256;
/// How long a contest waits for the clients of the one before to be gone.
const ROOM_WITHIN: Duration = Duration::from_secs(10);
/// How often each has its turn.
const TURNS: usize = 10;

/// Measures the answer of a file's history, and the daemon's status as the
/// floor below it, for one client and for many.
pub(crate) fn measure(
    home: &Home,
    interrupt: &Interrupt,
    project: &str,
    file: &str,
) -> Result<(), DemoError> {
    let status = call("daemon.status", &json!({}));
    let history = json!({ "path": file, "project": project, "limit": 20 });
    let history = call("fileHistory.get", &history);
    let socket = home.data().join("lored.sock");
    for clients in [1, 64] {
        report::heading(&format!(
            "round trips on an open connection, {clients} at a time, of {} for each figure",
            TURN * TURNS
        ))?;
        let mut floor = None;
        for (name, text) in [("daemon.status", &status), ("fileHistory.get", &history)] {
            let times = contest(&socket, interrupt, clients, text)?;
            let first = Percentiles::of(&times[0]);
            for (framing, times) in Framing::ALL.iter().zip(&times) {
                let found = Percentiles::of(times);
                report::figure(
                    &format!("{name}, {}: half within, 99 % within", framing.name()),
                    format_args!(
                        "{}, {}: {:.2} x and {:.2} x those of lines",
                        millis(found.half),
                        millis(found.most),
                        ratio(found.half, first.half),
                        ratio(found.most, first.most)
                    ),
                )?;
            }
            match floor {
                None => floor = Some(first.half),
                Some(floor) => report::figure(
                    &format!("{name} takes, by the time of daemon.status,"),
                    format_args!("{:.2} x", ratio(first.half, floor)),
                )?,
            }
        }
    }
    Ok(())
}

/// The times of all framings, which take turns so that a noisy machine spoils
/// all alike.
fn contest(
    socket: &Path,
    interrupt: &Interrupt,
    clients: usize,
    text: &str,
) -> Result<Vec<Vec<Duration>>, DemoError> {
    let mut connected = Vec::new();
    for framing in Framing::ALL {
        let open = (0..clients).map(|_| open(socket, framing, text));
        connected.push(open.collect::<Result<Vec<Wire>, DemoError>>()?);
    }
    let mut times = vec![Vec::new(); connected.len()];
    for turn in 0..TURNS {
        interrupt.check()?;
        for place in 0..connected.len() {
            let framing = (place + turn) % connected.len();
            times[framing].extend(at_once(&mut connected[framing], text)?);
        }
    }
    Ok(times)
}

/// A connection that has been answered once. The clients of the contest before
/// may still be leaving, and the daemon serves only so many at once.
fn open(socket: &Path, framing: Framing, text: &str) -> Result<Wire, DemoError> {
    let until = Instant::now() + ROOM_WITHIN;
    loop {
        let opened = Wire::connect(socket, framing).and_then(|mut wire| {
            time(&mut wire, text)?;
            Ok(wire)
        });
        if opened.is_ok() || Instant::now() > until {
            return opened;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A turn: its calls, shared among the clients, all of which ask at once.
fn at_once(clients: &mut [Wire], text: &str) -> Result<Vec<Duration>, DemoError> {
    let each = TURN / clients.len();
    std::thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter_mut()
            .map(|client| scope.spawn(move || (0..each).map(|_| time(client, text)).collect()))
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            let times: Result<Vec<Duration>, DemoError> = thread
                .join()
                .map_err(|_| DemoError::Wrong("a client ended by a defect".to_owned()))?;
            all.extend(times?);
        }
        Ok(all)
    })
}

fn time(client: &mut Wire, text: &str) -> Result<Duration, DemoError> {
    let begin = Instant::now();
    let reply = client.ask(text)?;
    let took = begin.elapsed();
    // Looked at after the time is taken, and by a glance: parsing is the
    // client's own affair.
    if has_result(reply) {
        Ok(took)
    } else {
        let reply = String::from_utf8_lossy(reply).into_owned();
        Err(DemoError::Wrong(format!("the daemon said {reply}")))
    }
}

fn has_result(reply: &[u8]) -> bool {
    let word = b"\"result\":";
    reply.windows(word.len()).take(200).any(|it| it == word)
}

fn call(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

#[derive(Clone, Copy)]
struct Percentiles {
    half: Duration,
    most: Duration,
}

impl Percentiles {
    fn of(times: &[Duration]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let at = |hundredth: usize| {
            let place = sorted.len() * hundredth / 100;
            sorted.get(place).copied().unwrap_or_default()
        };
        Self {
            half: at(50),
            most: at(99),
        }
    }
}

fn ratio(time: Duration, to: Duration) -> f64 {
    time.as_secs_f64() / to.as_secs_f64().max(f64::EPSILON)
}
