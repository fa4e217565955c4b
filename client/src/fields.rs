//! `--fields`: fewer fields of the rows of a robot document.

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use lore_proto::{ErrorCode, WireError};

use crate::failure::Failure;
use crate::output::text;

/// The fields that were asked for, and where their rows are.
#[derive(Debug)]
pub(crate) struct Fields {
    /// The field of `data` that holds the rows; absent where `data` is itself
    /// the row.
    rows: Option<&'static str>,
    wanted: Vec<String>,
}

impl Fields {
    /// Reads `--fields`, given once with commas or several times. `known` are
    /// the fields of a row; `robot` says whether there will be a document to
    /// pick from.
    pub(crate) fn read(
        given: &[String],
        rows: Option<&'static str>,
        known: &[&str],
        robot: bool,
    ) -> Result<Option<Self>, Failure> {
        if given.is_empty() {
            return Ok(None);
        }
        if !robot {
            return Err(Failure::usage(
                "`--fields` chooses fields of the robot document; add `--robot`",
            ));
        }
        let wanted: Vec<String> = given.iter().map(|f| f.trim().to_owned()).collect();
        if let Some(unknown) = wanted.iter().find(|f| !known.contains(&f.as_str())) {
            return Err(Failure::Error(
                WireError::new(
                    ErrorCode::Usage,
                    format!(
                        "there is no field `{}`; the fields are {}",
                        text::cut(unknown, 100),
                        known.join(", ")
                    ),
                )
                .details(serde_json::json!({ "known": known })),
            ));
        }
        Ok(Some(Self { rows, wanted }))
    }

    /// `data` with the wanted fields of its rows alone, in the order that they
    /// have there.
    pub(crate) fn pick(&self, data: &RawValue) -> Result<Box<RawValue>, Failure> {
        self.try_pick(data).map_err(|error| {
            Failure::Error(WireError::new(
                ErrorCode::Internal,
                format!("`--fields` does not fit the daemon's answer: {error}"),
            ))
        })
    }

    fn try_pick(&self, data: &RawValue) -> serde_json::Result<Box<RawValue>> {
        let Some(rows) = self.rows else {
            return self.picked_row(data);
        };
        let mut object: Object = serde_json::from_str(data.get())?;
        for (name, value) in &mut object.0 {
            if name == rows {
                let given: Vec<Box<RawValue>> = serde_json::from_str(value.get())?;
                let picked: Result<Vec<_>, _> =
                    given.iter().map(|row| self.picked_row(row)).collect();
                *value = serde_json::value::to_raw_value(&picked?)?;
            }
        }
        serde_json::value::to_raw_value(&object)
    }

    fn picked_row(&self, row: &RawValue) -> serde_json::Result<Box<RawValue>> {
        let mut row: Object = serde_json::from_str(row.get())?;
        row.0.retain(|(name, _)| self.wanted.contains(name));
        serde_json::value::to_raw_value(&row)
    }
}

/// A JSON object with its order and its values' bytes kept.
struct Object(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn rows_keep_the_wanted_fields_and_their_bytes_and_order() {
        let fields = Fields::read(
            &given(&["title", "iid"]),
            Some("rows"),
            &["iid", "title"],
            true,
        )
        .unwrap()
        .unwrap();
        let data = r#"{"total":2,"rows":[{"iid":1,"x":[],"title":"a"},{"iid":2,"title":"b"}],"next":null}"#;
        let data = RawValue::from_string(data.to_owned()).unwrap();
        assert_eq!(
            fields.pick(&data).unwrap().get(),
            r#"{"total":2,"rows":[{"iid":1,"title":"a"},{"iid":2,"title":"b"}],"next":null}"#
        );
    }

    #[test]
    fn an_unknown_field_is_refused_with_the_known_ones() {
        match Fields::read(&given(&["titel"]), None, &["iid", "title"], true) {
            Err(Failure::Error(error)) => {
                assert_eq!(error.code, ErrorCode::Usage);
                assert!(error.message.contains("titel"));
                assert!(error.message.contains("iid, title"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_a_document_there_is_nothing_to_pick_from() {
        assert!(Fields::read(&given(&["iid"]), None, &["iid"], false).is_err());
        assert!(Fields::read(&[], None, &["iid"], false).unwrap().is_none());
    }
}
