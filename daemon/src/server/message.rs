//! What a client's message says, by JSON-RPC 2.0 to the letter.

use std::borrow::Cow;

use jsonrpsee::types::{ErrorObjectOwned, Id};
use lore_proto::ErrorCode;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::errors::{BATCH_TOO_LONG, INVALID_REQUEST, PARSE_ERROR, reserved};

/// What a client's message says.
#[derive(Debug)]
pub(super) enum Message<'a> {
    One(Call<'a>),
    /// At least one entry.
    Batch(Vec<&'a RawValue>),
}

/// A request, or, without an id, a notification.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) id: Option<CallId<'a>>,
    pub(super) method: Cow<'a, str>,
    /// An object or an array; absent where there are none.
    pub(super) params: Option<&'a str>,
}

/// The id of a request. jsonrpsee knows the ids that it makes itself; other
/// numbers are kept as they are written, since an answer has to echo them.
#[derive(Debug, Clone)]
pub(super) enum CallId<'a> {
    Known(Id<'a>),
    Written(&'a str),
}

/// A message that is no call, with the id to answer.
#[derive(Debug)]
pub(super) struct Malformed<'a> {
    pub(super) id: CallId<'a>,
    pub(super) error: ErrorObjectOwned,
}

impl<'a> Message<'a> {
    pub(super) fn read(text: &'a [u8], max_batch: usize) -> Result<Self, Malformed<'a>> {
        if text.trim_ascii_start().first() != Some(&b'[') {
            return Call::read(text).map(Self::One);
        }
        let entries: Vec<&RawValue> =
            serde_json::from_slice(text).map_err(|error| not_json(&error))?;
        if entries.is_empty() {
            return Err(invalid(CallId::NULL, "a batch needs at least one entry"));
        }
        if entries.len() > max_batch {
            let message = format!(
                "a batch has at most {max_batch} entries, and this has {}",
                entries.len()
            );
            let error = reserved(BATCH_TOO_LONG, ErrorCode::Usage, message);
            return Err(Malformed {
                id: CallId::NULL,
                error,
            });
        }
        Ok(Self::Batch(entries))
    }
}

impl<'a> Call<'a> {
    pub(super) fn read(text: &'a [u8]) -> Result<Self, Malformed<'a>> {
        let fields: Fields<'a> = match serde_json::from_slice(text) {
            Ok(fields) => fields,
            Err(_) => return Err(no_call(text)),
        };
        let id = match fields.id.map(|id| CallId::read(id.get())) {
            None => None,
            Some(Some(id)) => Some(id),
            Some(None) => {
                return Err(invalid(
                    CallId::NULL,
                    "`id` has to be a string, null or a number in the range of a double",
                ));
            }
        };
        let complain = |message: &str| Err(invalid(id.clone().unwrap_or(CallId::NULL), message));
        if fields.jsonrpc.as_deref() != Some("2.0") {
            return complain("`jsonrpc` has to be \"2.0\"");
        }
        let Some(method) = fields.method else {
            return complain("`method` is missing");
        };
        let params = match fields.params.map(RawValue::get) {
            None | Some("null") => None,
            Some(params) if params.starts_with(['{', '[']) => Some(params),
            Some(_) => return complain("`params` has to be an object"),
        };
        Ok(Self { id, method, params })
    }
}

impl<'a> CallId<'a> {
    pub(super) const NULL: CallId<'static> = CallId::Known(Id::Null);

    fn read(text: &'a str) -> Option<Self> {
        match text.as_bytes().first()? {
            b'n' => Some(Self::NULL),
            b'"' => serde_json::from_str(text)
                .ok()
                .map(|text| Self::Known(Id::Str(text))),
            b'-' | b'0'..=b'9' => match text.parse() {
                Ok(number) => Some(Self::Known(Id::Number(number))),
                // Many a parser refuses a text with a number beyond the range
                // of a double (RFC 8259, section 6): none is sent back.
                Err(_) => text
                    .parse()
                    .is_ok_and(f64::is_finite)
                    .then_some(Self::Written(text)),
            },
            _ => None,
        }
    }

    /// The id that jsonrpsee is given.
    pub(super) fn for_call(&self) -> Id<'a> {
        match self {
            Self::Known(id) => id.clone(),
            Self::Written(_) => Id::Null,
        }
    }

    /// A reply to [`CallId::for_call`] as a reply to this id.
    pub(super) fn restore(&self, reply: Box<RawValue>) -> Box<RawValue> {
        const STAND_IN: &str = r#"{"jsonrpc":"2.0","id":null,"#;
        match (self, reply.get().strip_prefix(STAND_IN)) {
            (Self::Written(id), Some(rest)) => {
                let text = format!(r#"{{"jsonrpc":"2.0","id":{id},{rest}"#);
                RawValue::from_string(text).unwrap_or(reply)
            }
            _ => reply,
        }
    }
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(default, borrow)]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    /// A null id is an id; an `Option` alone would take it for none.
    #[serde(default, borrow, deserialize_with = "present")]
    id: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// What to answer to a text that is no call: a parse error where it is no
/// JSON, else an error for the id that it has.
fn no_call(text: &[u8]) -> Malformed<'_> {
    #[derive(Deserialize)]
    struct OnlyId<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
    }
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(text) {
        return not_json(&error);
    }
    let id = serde_json::from_slice::<OnlyId<'_>>(text).ok();
    let id = id.and_then(|only| CallId::read(only.id.get()));
    invalid(
        id.unwrap_or(CallId::NULL),
        "a request is an object with `jsonrpc`, `id`, `method` and `params`, each once",
    )
}

fn not_json<'a>(error: &serde_json::Error) -> Malformed<'a> {
    // The error names a place and never what stands there, which may be a
    // token.
    let message = format!("no JSON at column {}", error.column());
    Malformed {
        id: CallId::NULL,
        error: reserved(PARSE_ERROR, ErrorCode::Usage, message),
    }
}

fn invalid<'a>(id: CallId<'a>, message: &str) -> Malformed<'a> {
    Malformed {
        id,
        error: reserved(INVALID_REQUEST, ErrorCode::Usage, message),
    }
}
