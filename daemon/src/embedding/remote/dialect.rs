//! The two APIs: where to ask, what to send, what comes back.

use serde::Deserialize;
use serde_json::{Value, json};

/// An API for embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `POST /api/embed`, as Ollama documents it.
    Ollama,
    /// `POST /v1/embeddings`, as `OpenAI` documents it and many copy it.
    OpenAi,
}

impl Dialect {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::OpenAi => "openai",
        }
    }

    /// Texts in one request.
    pub(super) fn batch_size(self) -> usize {
        match self {
            Self::Ollama => 16,
            Self::OpenAi => 64,
        }
    }

    /// Ollama gives most models 2,048 tokens and cuts the rest off; `OpenAI`'s
    /// models take 8,192 tokens and refuse more. English has 3 to 4
    /// characters a token; a text that still is too long is cut further.
    pub(super) fn max_input_chars(self) -> usize {
        match self {
            Self::Ollama => 8_000,
            Self::OpenAi => 24_000,
        }
    }

    /// Requests at once.
    pub(super) fn concurrency(self) -> usize {
        match self {
            Self::Ollama => 2,
            Self::OpenAi => 4,
        }
    }

    /// The service's root out of the configured address, which may name the
    /// API or one of its routes.
    pub(super) fn root(self, url: &str) -> &str {
        let url = url.trim_end_matches('/');
        let ends: &[&str] = match self {
            Self::Ollama => &["/api/embed", "/api", "/v1"],
            Self::OpenAi => &["/embeddings"],
        };
        ends.iter()
            .find_map(|end| url.strip_suffix(end))
            .unwrap_or(url)
            .trim_end_matches('/')
    }

    /// Where to send texts to, below [`Self::root`]. Some services have a
    /// version other than `v1` in their path, or another path before
    /// `embeddings`; `v1` is added only where there is no path.
    pub(super) fn route(self, root: &str) -> String {
        let has_path = root
            .split_once("://")
            .is_some_and(|(_, rest)| rest.contains('/'));
        match self {
            Self::Ollama => format!("{root}/api/embed"),
            Self::OpenAi if has_path => format!("{root}/embeddings"),
            Self::OpenAi => format!("{root}/v1/embeddings"),
        }
    }

    pub(super) fn request(self, model: &str, texts: &[&str]) -> Value {
        match self {
            Self::Ollama => json!({"model": model, "input": texts, "truncate": true}),
            Self::OpenAi => json!({"model": model, "input": texts, "encoding_format": "float"}),
        }
    }

    /// The vectors of an answer to `count` texts, in the texts' order, or what
    /// is wrong with the answer.
    pub(super) fn vectors(self, body: &[u8], count: usize) -> Result<Vec<Components>, String> {
        let vectors = match self {
            Self::Ollama => {
                let answer: OllamaAnswer = read(body)?;
                answer.embeddings.into_iter().map(Some).collect()
            }
            Self::OpenAi => {
                let answer: OpenAiAnswer = read(body)?;
                in_order(answer.data, count)?
            }
        };
        let vectors: Option<Vec<Components>> = vectors.into_iter().collect();
        match vectors {
            Some(vectors) if vectors.len() == count => Ok(vectors),
            Some(vectors) => Err(format!("{} vectors for {count} texts", vectors.len())),
            None => Err("a text has no vector".into()),
        }
    }

    /// Whether an error answer says that there is no such model.
    pub(super) fn says_model_missing(self, status: u16, body: &[u8]) -> bool {
        let message = message(body).to_ascii_lowercase();
        let code = error_code(body);
        match self {
            Self::Ollama => {
                status == 404 && message.contains("model") && message.contains("not found")
            }
            Self::OpenAi => {
                matches!(status, 400 | 404)
                    && (code.as_deref() == Some("model_not_found")
                        || message.contains("model")
                            && ["not found", "not exist", "unknown model", "no model"]
                                .iter()
                                .any(|words| message.contains(words)))
            }
        }
    }
}

/// A vector as a service sends it; a component that is no number is NaN.
pub(super) type Components = Vec<Option<f32>>;

#[derive(Deserialize)]
struct OllamaAnswer {
    embeddings: Vec<Components>,
}

#[derive(Deserialize)]
struct OpenAiAnswer {
    data: Vec<OpenAiItem>,
}

#[derive(Deserialize)]
struct OpenAiItem {
    index: Option<usize>,
    embedding: Components,
}

/// Sorts by `index`, which some copies of the API leave out.
fn in_order(items: Vec<OpenAiItem>, count: usize) -> Result<Vec<Option<Components>>, String> {
    let mut vectors: Vec<Option<Components>> = vec![None; count];
    for (place, item) in items.into_iter().enumerate() {
        let index = item.index.unwrap_or(place);
        match vectors.get_mut(index) {
            Some(vector) if vector.is_none() => *vector = Some(item.embedding),
            Some(_) => return Err(format!("two vectors for text {index}")),
            None => return Err(format!("a vector for text {index} of {count}")),
        }
    }
    Ok(vectors)
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// The words of an error answer: those for people where its form is known,
/// else its beginning; without control characters.
pub(super) fn message(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let error = &value["error"];
    let known = [
        &error["message"],
        error,
        &value["message"],
        &value["detail"],
    ];
    let words = match known.iter().find_map(|value| value.as_str()) {
        Some(words) => words.to_owned(),
        None => String::from_utf8_lossy(body).into_owned(),
    };
    let printable = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(300).collect::<String>().trim().to_owned()
}

fn error_code(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    Some(value["error"]["code"].as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_name_the_api_or_not() {
        for url in [
            "http://h:11434",
            "http://h:11434/",
            "http://h:11434/api",
            "http://h:11434/api/embed",
            "http://h:11434/v1",
        ] {
            let root = Dialect::Ollama.root(url);
            assert_eq!(Dialect::Ollama.route(root), "http://h:11434/api/embed");
        }
        for (url, route) in [
            ("https://h", "https://h/v1/embeddings"),
            ("https://h/", "https://h/v1/embeddings"),
            ("https://h/v1/", "https://h/v1/embeddings"),
            ("https://h/v1/embeddings", "https://h/v1/embeddings"),
            ("https://h/openai/v2", "https://h/openai/v2/embeddings"),
        ] {
            let root = Dialect::OpenAi.root(url);
            assert_eq!(Dialect::OpenAi.route(root), route, "{url}");
        }
    }

    #[test]
    fn openai_vectors_are_put_in_the_order_of_the_texts() {
        let body = br#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}]}"#;
        let vectors = Dialect::OpenAi.vectors(body, 2).unwrap();
        assert_eq!(vectors, [[Some(1.0)], [Some(2.0)]]);
    }

    #[test]
    fn an_answer_with_too_few_or_twice_given_vectors_is_refused() {
        for body in [
            r#"{"data":[{"index":0,"embedding":[1]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":7,"embedding":[1]}]}"#,
            r#"{"embeddings":[[1],[2]]}"#,
            "<html>",
        ] {
            assert!(
                Dialect::OpenAi.vectors(body.as_bytes(), 2).is_err(),
                "{body}"
            );
        }
        let body = br#"{"embeddings":[[1]]}"#;
        assert!(Dialect::Ollama.vectors(body, 2).is_err());
    }

    #[test]
    fn the_words_of_an_error_are_found_in_every_usual_form() {
        for body in [
            r#"{"error":"too long"}"#,
            r#"{"error":{"message":"too long","code":null}}"#,
            r#"{"detail":"too long"}"#,
            "too\u{1b}long",
        ] {
            assert_eq!(message(body.as_bytes()), "too long", "{body}");
        }
    }
}
