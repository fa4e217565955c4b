//! What an instance says about itself and about the token.

use crate::gitlab::call::{Call, Fetched};
use crate::gitlab::client::Client;
use crate::gitlab::error::{Failure, GitLabError};
use crate::gitlab::models::{TokenInfo, User, Version};
use crate::gitlab::transport::Request;

impl Client {
    /// The instance's version.
    pub async fn version(&self, call: &Call<'_>) -> Result<Fetched<Version>, GitLabError> {
        self.json(call, &Request::get("version")).await
    }

    /// The user the token belongs to: the standard probe of a token.
    pub async fn user(&self, call: &Call<'_>) -> Result<Fetched<User>, GitLabError> {
        self.json(call, &Request::get("user")).await
    }

    /// What the token may do and until when; `None` where the instance does
    /// not say (old versions, OAuth tokens).
    pub async fn token_self(
        &self,
        call: &Call<'_>,
    ) -> Result<Option<Fetched<TokenInfo>>, GitLabError> {
        let request = Request::get("personal_access_tokens/self");
        match self.json(call, &request).await {
            Ok(info) => Ok(Some(info)),
            Err(error) if matches!(error.failure, Failure::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
