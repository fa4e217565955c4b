//! From a client's message to the reply: look up, call, never fail to answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use jsonrpsee::core::traits::IdProvider;
use jsonrpsee::types::{ErrorObjectOwned, Id, Params, SubscriptionId};
use jsonrpsee::{
    ConnectionId, Extensions, MethodCallback, MethodResponse, MethodSink, Methods,
    SubscriptionState,
};
use lore_proto::ErrorCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::errors::{
    INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, REPLY_TOO_BIG,
    TOO_MANY_SUBSCRIPTIONS, reserved,
};
use super::message::{Call, CallId, Malformed, Message};
use crate::config::Limits;
use crate::config::nearest;

/// Answers the messages of one connection.
pub(super) struct Dispatcher {
    methods: Methods,
    limits: Limits,
    connection: ConnectionId,
    /// Where notifications go; none where the client can be sent none.
    sink: Option<MethodSink>,
    /// Places for subscriptions; each gives its own back as it ends.
    subscriptions: Arc<Semaphore>,
    subscription_ids: SubscriptionIds,
}

impl Dispatcher {
    pub(super) fn new(
        methods: Methods,
        limits: Limits,
        connection: ConnectionId,
        sink: Option<MethodSink>,
    ) -> Self {
        Self {
            methods,
            limits,
            connection,
            sink,
            subscriptions: Arc::new(Semaphore::new(limits.max_subscriptions as usize)),
            subscription_ids: SubscriptionIds::default(),
        }
    }

    /// Does what the message asks for. The reply is absent where none is due:
    /// to notifications, and to a subscription, whose acceptance went through
    /// the sink so that it comes before its first event.
    pub(super) async fn answer(&self, text: &[u8]) -> Option<Box<RawValue>> {
        match Message::read(text, self.limits.max_batch) {
            Ok(Message::One(call)) => self.answer_call(call, false).await,
            Ok(Message::Batch(entries)) => self.answer_batch(entries).await,
            Err(malformed) => Some(refuse(malformed)),
        }
    }

    /// Waits until no subscription of the client goes on.
    pub(super) async fn subscriptions_ended(&self) {
        // An error means that the places were closed, which nobody does.
        let _ = self
            .subscriptions
            .acquire_many(self.limits.max_subscriptions)
            .await;
    }

    /// Entries are run one after another: a batch is one call under way.
    async fn answer_batch(&self, entries: Vec<&RawValue>) -> Option<Box<RawValue>> {
        let mut replies = String::from("[");
        for entry in entries {
            let (id, reply) = match Call::read(entry.get().as_bytes()) {
                Ok(call) => (call.id.clone(), self.answer_call(call, true).await),
                Err(malformed) => (None, Some(refuse(malformed))),
            };
            let Some(mut reply) = reply else {
                continue;
            };
            if replies.len() + reply.get().len() + 2 > self.limits.max_message_bytes {
                reply = failure(&id.unwrap_or(CallId::NULL), self.reply_too_big());
            }
            if replies.len() > 1 {
                replies.push(',');
            }
            replies.push_str(reply.get());
        }
        if replies.len() == 1 {
            return None;
        }
        replies.push(']');
        RawValue::from_string(replies).ok()
    }

    async fn answer_call(&self, call: Call<'_>, in_batch: bool) -> Option<Box<RawValue>> {
        let Call { id, method, params } = call;
        let response = {
            let called = self.call(id.as_ref(), &method, params, in_batch);
            let id = id.as_ref().unwrap_or(&CallId::NULL);
            // A panic fails its own call alone. What the handler borrowed is
            // shared state behind locks, which outlive a panic.
            match AssertUnwindSafe(called).catch_unwind().await {
                Ok(Ok(response)) if response.as_error_code() == Some(REPLY_TOO_BIG) => {
                    MethodResponse::error(id.for_call(), self.reply_too_big())
                }
                Ok(Ok(response)) => response,
                Ok(Err(error)) => MethodResponse::error(id.for_call(), error),
                Err(_) => {
                    tracing::error!(%method, "a call panicked");
                    let error = reserved(
                        INTERNAL_ERROR,
                        ErrorCode::Internal,
                        "the call ended by a defect in lored, whose log says more; see `lore daemon logs`",
                    );
                    MethodResponse::error(id.for_call(), error)
                }
            }
        };
        let id = id?;
        (!response.is_subscription()).then(|| id.restore(response.into_json()))
    }

    async fn call(
        &self,
        id: Option<&CallId<'_>>,
        method: &str,
        params: Option<&str>,
        in_batch: bool,
    ) -> Result<MethodResponse, ErrorObjectOwned> {
        let Some((_, callback)) = self.methods.method_with_name(method) else {
            return Err(self.unknown_method(method));
        };
        let max = self.limits.max_message_bytes;
        let mut extensions = Extensions::new();
        extensions.insert(self.connection);
        let rpc_id = id.unwrap_or(&CallId::NULL).for_call();
        let parsed = Params::new(params);
        Ok(match callback {
            MethodCallback::Sync(callback) => callback(rpc_id, parsed, max, extensions),
            MethodCallback::Async(callback) => {
                callback(
                    rpc_id.into_owned(),
                    parsed.into_owned(),
                    self.connection,
                    max,
                    extensions,
                )
                .await
            }
            MethodCallback::Subscription(callback) => {
                // The acceptance goes its own way to the client, so it can
                // neither stand inside a batch nor have its id restored, and
                // a notification is not to have one.
                let named = matches!(id, Some(CallId::Known(Id::Number(_) | Id::Str(_))));
                if in_batch || !named {
                    let message = "a subscription stands by itself, with a string or a whole positive number as its id";
                    return Err(reserved(INVALID_REQUEST, ErrorCode::Usage, message));
                }
                let sink = self.sink.clone().ok_or_else(|| only_answers(method))?;
                let permit = Arc::clone(&self.subscriptions)
                    .try_acquire_owned()
                    .map_err(|_| self.too_many_subscriptions())?;
                let state = SubscriptionState {
                    conn_id: self.connection,
                    id_provider: &self.subscription_ids,
                    subscription_permit: permit,
                };
                callback(rpc_id, parsed, sink, state, extensions).await
            }
            MethodCallback::Unsubscription(callback) => {
                if self.sink.is_none() {
                    return Err(only_answers(method));
                }
                let positional = subscription_named(params)?;
                let params = Params::new(Some(&positional));
                callback(rpc_id, params, self.connection, max, extensions)
            }
        })
    }

    fn unknown_method(&self, method: &str) -> ErrorObjectOwned {
        let names: Vec<&str> = self.methods.method_names().collect();
        let message = match nearest(method, &names) {
            Some(near) => format!("no method has this name; did you mean `{near}`?"),
            None => "no method has this name; another version of lored may have it".to_owned(),
        };
        reserved(METHOD_NOT_FOUND, ErrorCode::Usage, message)
    }

    fn too_many_subscriptions(&self) -> ErrorObjectOwned {
        let max = self.limits.max_subscriptions;
        let message = format!(
            "a connection has at most {max} subscriptions; end one with `jobs.unsubscribe`"
        );
        reserved(TOO_MANY_SUBSCRIPTIONS, ErrorCode::Usage, message)
    }

    fn reply_too_big(&self) -> ErrorObjectOwned {
        let max = self.limits.max_message_bytes;
        let message =
            format!("the reply has more than {max} bytes; ask for less, with a smaller `limit`");
        reserved(REPLY_TOO_BIG, ErrorCode::Usage, message)
    }
}

/// What is answered to a subscription over POST.
fn only_answers(method: &str) -> ErrorObjectOwned {
    let message = format!(
        "`{method}` needs a connection that can be sent events, and over POST there is none; ask \
         `jobs.get` until the job has ended, or open a WebSocket on this socket"
    );
    reserved(METHOD_NOT_FOUND, ErrorCode::Usage, message)
}

/// The reply that says why a message is no call.
pub(super) fn refuse(malformed: Malformed<'_>) -> Box<RawValue> {
    failure(&malformed.id, malformed.error)
}

/// The reply to `id` that says what went wrong.
pub(super) fn failure(id: &CallId<'_>, error: ErrorObjectOwned) -> Box<RawValue> {
    id.restore(MethodResponse::error(id.for_call(), error).into_json())
}

/// The parameters of an unsubscription as jsonrpsee reads them, `[id]`, from
/// the by-name form of every other method, `{"subscription": id}`.
fn subscription_named(params: Option<&str>) -> Result<String, ErrorObjectOwned> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named<'a> {
        #[serde(borrow)]
        subscription: &'a RawValue,
    }
    let params = params.unwrap_or("{}");
    if params.starts_with('[') {
        return Ok(params.to_owned());
    }
    let named: Named<'_> = serde_json::from_str(params)
        .map_err(|error| reserved(INVALID_PARAMS, ErrorCode::Usage, error.to_string()))?;
    Ok(format!("[{}]", named.subscription))
}

/// Numbers the subscriptions of one connection.
#[derive(Debug, Default)]
struct SubscriptionIds(AtomicU64);

impl IdProvider for SubscriptionIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        SubscriptionId::Num(1 + self.0.fetch_add(1, Ordering::Relaxed))
    }
}
