//! What some models want to read before a text, by their model cards.

use super::Purpose;

/// The words before a text of this purpose; empty for models that want none.
pub(super) fn prefix(model: &str, purpose: Purpose) -> &'static str {
    let model = model.to_ascii_lowercase();
    // `library/nomic-embed-text:v1.5` is `nomic-embed-text`.
    let name = model.rsplit('/').next().unwrap_or(&model);
    let (document, query) = if name.starts_with("nomic-embed-text") {
        ("search_document: ", "search_query: ")
    } else if name.starts_with("mxbai-embed-large") {
        (
            "",
            "Represent this sentence for searching relevant passages: ",
        )
    } else if name.starts_with("e5-") || name.starts_with("multilingual-e5-") {
        ("passage: ", "query: ")
    } else {
        ("", "")
    };
    match purpose {
        Purpose::Document => document,
        Purpose::Query => query,
    }
}

#[cfg(test)]
mod tests {
    use super::{Purpose, prefix};

    #[test]
    fn a_model_is_known_by_its_name_without_namespace_and_tag() {
        for name in [
            "nomic-embed-text",
            "library/nomic-embed-text:v1.5",
            "nomic-ai/Nomic-Embed-Text-v1",
        ] {
            assert_eq!(prefix(name, Purpose::Query), "search_query: ", "{name}");
        }
        assert_eq!(prefix("all-minilm", Purpose::Document), "");
    }
}
