//! A plain client, and the usual simulators.

use gitlab_sim::{GeneratorConfig, Options, Simulator, SimulatorBuilder};
use reqwest::{Response, StatusCode};
use serde_json::Value;

pub(crate) const PROJECT: u64 = 42;

pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(sim: &Simulator) -> Self {
        // A second test of the same process finds it installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(std::time::Duration::from_secs(20))
            .no_proxy()
            .build()
            .unwrap();
        Self {
            http,
            base: sim.url(),
            token: Some(sim.token().to_owned()),
        }
    }

    pub(crate) fn token(self, token: Option<&str>) -> Self {
        Self {
            token: token.map(str::to_owned),
            ..self
        }
    }

    pub(crate) fn request(&self, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.get(format!("{}/api/v4{path}", self.base));
        match &self.token {
            Some(token) => request.header("PRIVATE-TOKEN", token),
            None => request,
        }
    }

    pub(crate) async fn try_get(&self, path: &str) -> reqwest::Result<Response> {
        self.request(path).send().await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.try_get(path).await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    pub(crate) async fn status(&self, path: &str) -> (u16, String) {
        let response = self.get(path).await;
        let status = response.status().as_u16();
        (status, response.text().await.unwrap())
    }

    pub(crate) async fn graphql(&self, query: &str, variables: Value) -> (u16, Value) {
        let request = self
            .http
            .post(format!("{}/api/graphql", self.base))
            .bearer_auth(self.token.as_deref().unwrap_or_default())
            .json(&serde_json::json!({ "query": query, "variables": variables }));
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// All rows of a list, following `X-Next-Page`.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut page = "1".to_owned();
        while !page.is_empty() {
            let mark = if path.contains('?') { '&' } else { '?' };
            let response = self
                .get(&format!("{path}{mark}per_page=100&page={page}"))
                .await;
            page = header(&response, "x-next-page").unwrap_or_default();
            rows.extend(response.json::<Vec<Value>>().await.unwrap());
        }
        rows
    }
}

pub(crate) fn header(response: &Response, name: &str) -> Option<String> {
    let value = response.headers().get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

pub(crate) fn iids(rows: &Value) -> Vec<u64> {
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| row["iid"].as_u64().unwrap())
        .collect()
}

/// Forty issues, forty merge requests and people.
pub(crate) async fn small(change: impl FnOnce(&mut Options)) -> Simulator {
    let config = GeneratorConfig {
        issues: 40,
        merge_requests: 40,
        mass_edited: 8,
        ..GeneratorConfig::default()
    };
    SimulatorBuilder::new()
        .generate(&config)
        .with(change)
        .start()
        .await
        .unwrap()
}

/// One empty project with id 42 and two users.
pub(crate) async fn empty(change: impl FnOnce(&mut Options)) -> Simulator {
    SimulatorBuilder::new()
        .upstream(|upstream| {
            upstream.add_user("mira", "Mira K");
            upstream.add_user("tom", "Tom");
            upstream.create_project("acme/app");
        })
        .with(change)
        .start()
        .await
        .unwrap()
}
