//! From a typed handler to an entry of the method table.

use std::future::Future;
use std::sync::Arc;

use jsonrpsee::RpcModule;
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::types::{ErrorObjectOwned, Params};
use lore_proto::methods::{Effect, Method};
use lore_proto::{ErrorCode, WireError};
use serde::de::DeserializeOwned;
use serde_json::value::to_raw_value;

use super::errors::{INVALID_PARAMS, call_failed, reserved};

/// Enters the method `M`. A read is dropped where its client goes away; a
/// write, once begun, runs to its end whoever waits for it.
pub fn register<M, C, F, Fut>(
    module: &mut RpcModule<C>,
    handler: F,
) -> Result<(), RegisterMethodError>
where
    M: Method,
    M::Params: 'static,
    M::Result: 'static,
    C: Send + Sync + 'static,
    F: Fn(Arc<C>, M::Params) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<M::Result, WireError>> + Send + 'static,
{
    module.register_async_method(M::NAME, move |params, context, _| {
        let handler = handler.clone();
        async move {
            let params = by_name::<M::Params>(&params)?;
            let work = handler(context, params);
            let result = match M::EFFECT {
                Effect::Read => work.await,
                Effect::Write => match tokio::spawn(work).await {
                    Ok(result) => result,
                    Err(error) => match error.try_into_panic() {
                        // The dispatcher answers for panics.
                        Ok(panic) => std::panic::resume_unwind(panic),
                        Err(_) => Err(super::stopping()),
                    },
                },
            };
            let result = result.map_err(|error| call_failed(&error))?;
            to_raw_value(&result).map_err(|error| {
                let message = format!("the reply of `{}` cannot be written: {error}", M::NAME);
                call_failed(&WireError::new(ErrorCode::Internal, message))
            })
        }
    })?;
    Ok(())
}

/// Parameters by name; none at all where there are none to give.
pub(super) fn by_name<P: DeserializeOwned>(params: &Params<'_>) -> Result<P, ErrorObjectOwned> {
    let text = match params.as_str().map(str::trim) {
        None | Some("[]") => "{}",
        Some(text) if text.starts_with('[') => {
            let message = "`params` has to be an object: parameters go by name";
            return Err(reserved(INVALID_PARAMS, ErrorCode::Usage, message));
        }
        Some(text) => text,
    };
    let mut text = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut text).map_err(|error| {
        // Its " at line 1 column 9" is about the parameters alone, which nobody
        // can find by it.
        let message = error.inner().to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        let path = error.path().to_string();
        let message = match path.as_str() {
            // Of the parameters as a whole; serde names what is unknown or
            // missing.
            "." => message.to_owned(),
            path => format!("`{path}`: {message}"),
        };
        reserved(INVALID_PARAMS, ErrorCode::Usage, &message)
    })
}

#[cfg(test)]
mod tests {
    use lore_proto::sync_runs::ListRuns;

    use super::*;

    #[test]
    fn a_parameter_that_does_not_fit_is_named() {
        for (text, named) in [
            (r#"{"limit": "x"}"#, "`limit`: invalid type"),
            (r#"{"mode": -1}"#, "`mode`: "),
            (r#"{"nonsense": 1}"#, "nonsense"),
        ] {
            let refused = by_name::<ListRuns>(&Params::new(Some(text))).unwrap_err();
            assert_eq!(refused.code(), INVALID_PARAMS);
            assert!(refused.message().contains(named), "{}", refused.message());
        }
    }
}
