//! Query parameters: which ones an endpoint knows, and what it makes of them.

use percent_encoding::percent_decode_str;

use super::reply::Reply;
use crate::upstream::ItemKind;
use crate::{Moment, Route};

/// What a parameter's value has to be.
#[derive(Clone, Copy)]
enum Kind {
    Integer,
    Boolean,
    Time,
    Text,
    OneOf(&'static [&'static str]),
    /// `name[]=1&name[]=2`, or `name=1,2`.
    Integers,
}

type Known = (&'static str, Kind);

const PAGE: &[Known] = &[("page", Kind::Integer), ("per_page", Kind::Integer)];
/// Tokens may come this way, but should not.
const ALWAYS: &[Known] = &[("private_token", Kind::Text), ("access_token", Kind::Text)];
const SORT: Kind = Kind::OneOf(&["asc", "desc"]);
const ITEMS: &[Known] = &[
    ("order_by", Kind::OneOf(ORDERS)),
    ("sort", SORT),
    ("labels", Kind::Text),
    ("milestone", Kind::Text),
    ("author_id", Kind::Integer),
    ("author_username", Kind::Text),
    ("assignee_id", Kind::Integer),
    ("search", Kind::Text),
    ("iids[]", Kind::Integers),
    ("iids", Kind::Integers),
    ("created_after", Kind::Time),
    ("created_before", Kind::Time),
    ("updated_after", Kind::Time),
    ("updated_before", Kind::Time),
    ("with_labels_details", Kind::Boolean),
    ("pagination", Kind::OneOf(&["keyset", "legacy"])),
    ("cursor", Kind::Text),
];
const ORDERS: &[&str] = &[
    "created_at",
    "updated_at",
    "title",
    "due_date",
    "label_priority",
    "milestone_due",
    "popularity",
    "priority",
    "relative_position",
    "weight",
    "merged_at",
    "id",
];
const ISSUES: &[Known] = &[
    ("state", Kind::OneOf(&["opened", "closed", "all"])),
    (
        "scope",
        Kind::OneOf(&["created_by_me", "assigned_to_me", "all"]),
    ),
    (
        "issue_type",
        Kind::OneOf(&["issue", "incident", "test_case", "task", "ticket"]),
    ),
    ("confidential", Kind::Boolean),
];
const MERGE_REQUESTS: &[Known] = &[
    (
        "state",
        Kind::OneOf(&["opened", "closed", "locked", "merged", "all"]),
    ),
    (
        "scope",
        Kind::OneOf(&["created_by_me", "assigned_to_me", "reviews_for_me", "all"]),
    ),
    ("view", Kind::OneOf(&["simple"])),
    ("with_merge_status_recheck", Kind::Boolean),
    ("source_branch", Kind::Text),
    ("target_branch", Kind::Text),
    ("wip", Kind::OneOf(&["yes", "no"])),
    ("draft", Kind::Boolean),
    ("merged_after", Kind::Time),
    ("merged_before", Kind::Time),
];
const MERGE_REQUEST: &[Known] = &[
    ("render_html", Kind::Boolean),
    ("include_diverged_commits_count", Kind::Boolean),
    ("include_rebase_in_progress", Kind::Boolean),
];
const NOTES: &[Known] = &[
    ("sort", SORT),
    ("order_by", Kind::OneOf(&["created_at", "updated_at"])),
    (
        "activity_filter",
        Kind::OneOf(&["all_notes", "only_comments", "only_activity"]),
    ),
];
const LABELS: &[Known] = &[
    ("with_counts", Kind::Boolean),
    ("include_ancestor_groups", Kind::Boolean),
    ("search", Kind::Text),
    ("archived", Kind::Boolean),
];
const MILESTONES: &[Known] = &[
    ("state", Kind::OneOf(&["active", "closed"])),
    ("iids[]", Kind::Integers),
    ("title", Kind::Text),
    ("search", Kind::Text),
    ("include_ancestors", Kind::Boolean),
    ("include_parent_milestones", Kind::Boolean),
    ("updated_after", Kind::Time),
    ("updated_before", Kind::Time),
];
const PROJECTS: &[Known] = &[
    ("search", Kind::Text),
    ("search_namespaces", Kind::Boolean),
    ("membership", Kind::Boolean),
    ("simple", Kind::Boolean),
    ("archived", Kind::Boolean),
    (
        "order_by",
        Kind::OneOf(&[
            "id",
            "name",
            "path",
            "created_at",
            "updated_at",
            "last_activity_at",
        ]),
    ),
    ("sort", SORT),
    (
        "visibility",
        Kind::OneOf(&["private", "internal", "public"]),
    ),
];
const PROJECT: &[Known] = &[
    ("statistics", Kind::Boolean),
    ("license", Kind::Boolean),
    ("with_custom_attributes", Kind::Boolean),
];
const CHANGES: &[Known] = &[
    ("access_raw_diffs", Kind::Boolean),
    ("unidiff", Kind::Boolean),
];
const UNIDIFF: &[Known] = &[("unidiff", Kind::Boolean)];

/// The groups of parameters that an endpoint knows.
fn known(route: Route) -> Vec<&'static [Known]> {
    let mut groups = match route {
        Route::Items(ItemKind::Issue) => vec![ITEMS, ISSUES],
        Route::Items(ItemKind::MergeRequest) => vec![ITEMS, MERGE_REQUESTS],
        Route::Item(ItemKind::MergeRequest) => vec![MERGE_REQUEST],
        Route::Notes(_) => vec![NOTES],
        Route::Labels => vec![LABELS],
        Route::Milestones => vec![MILESTONES],
        Route::Projects => vec![PROJECTS],
        Route::Project => vec![PROJECT],
        Route::Changes => vec![CHANGES],
        Route::Diffs | Route::DiffVersion => vec![UNIDIFF],
        _ => Vec::new(),
    };
    if route.is_list() {
        groups.push(PAGE);
    }
    groups.push(ALWAYS);
    groups
}

/// The query of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) pairs: Vec<(String, String)>,
}

impl Query {
    pub(crate) fn parse(raw: Option<&str>) -> Self {
        let pairs = raw
            .unwrap_or_default()
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                (decode(name), decode(value))
            })
            .collect();
        Self { pairs }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        // Rack keeps the last of several.
        self.pairs
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.choice(name) == Some(true)
    }

    /// A boolean that may be left out.
    pub(crate) fn choice(&self, name: &str) -> Option<bool> {
        boolean(self.get(name)?)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    pub(crate) fn time(&self, name: &str) -> Option<Moment> {
        Moment::parse(self.get(name)?)
    }

    /// The values of `name[]` and of `name`, comma-separated; `None` where
    /// neither is there.
    pub(crate) fn numbers(&self, name: &str) -> Option<Vec<u64>> {
        let array = format!("{name}[]");
        let mut found = None;
        for (known, value) in &self.pairs {
            if *known == array || known == name {
                found
                    .get_or_insert_with(Vec::new)
                    .extend(value.split(',').filter_map(|part| part.parse::<u64>().ok()));
            }
        }
        found
    }

    /// The names that this endpoint does not know, and so ignores.
    pub(crate) fn unknown(&self, route: Route) -> Vec<String> {
        if matches!(route, Route::Unmatched | Route::GraphQl) {
            return Vec::new();
        }
        let groups = known(route);
        self.pairs
            .iter()
            .filter(|(name, _)| kind_of(&groups, name).is_none())
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Refuses values that a known parameter cannot have.
    pub(crate) fn validate(&self, route: Route) -> Result<(), Reply> {
        let groups = known(route);
        for (name, value) in &self.pairs {
            let valid = match kind_of(&groups, name) {
                None | Some(Kind::Text) => true,
                Some(Kind::Integer) => value.parse::<i64>().is_ok(),
                Some(Kind::Integers) => value.split(',').all(|part| part.parse::<u64>().is_ok()),
                Some(Kind::Boolean) => boolean(value).is_some(),
                Some(Kind::Time) => Moment::parse(value).is_some(),
                Some(Kind::OneOf(values)) => {
                    if !values.contains(&value.as_str()) {
                        return Err(Reply::invalid_value(name));
                    }
                    true
                }
            };
            if !valid {
                return Err(Reply::invalid(name.trim_end_matches("[]")));
            }
        }
        Ok(())
    }
}

fn kind_of(groups: &[&'static [Known]], name: &str) -> Option<Kind> {
    groups
        .iter()
        .flat_map(|group| group.iter())
        .find(|(known, _)| *known == name)
        .map(|(_, kind)| *kind)
}

/// The spellings that GitLab's parameter parser takes.
fn boolean(value: &str) -> Option<bool> {
    match value.to_lowercase().as_str() {
        "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
        "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
        _ => None,
    }
}

fn decode(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUES_ROUTE: Route = Route::Items(ItemKind::Issue);

    #[test]
    fn unknown_names_are_reported_and_not_refused() {
        let query = Query::parse(Some("since=2026-01-01&per_page=5"));
        assert_eq!(query.unknown(ISSUES_ROUTE), ["since"]);
        assert!(query.validate(ISSUES_ROUTE).is_ok());
    }

    #[test]
    fn bad_values_of_known_names_are_refused() {
        for (query, body) in [
            (
                "state=open",
                r#"{"error":"state does not have a valid value"}"#,
            ),
            ("per_page=many", r#"{"error":"per_page is invalid"}"#),
            (
                "updated_after=soon",
                r#"{"error":"updated_after is invalid"}"#,
            ),
            ("iids[]=x", r#"{"error":"iids is invalid"}"#),
        ] {
            let refused = Query::parse(Some(query))
                .validate(ISSUES_ROUTE)
                .unwrap_err();
            assert_eq!(refused.status, 400);
            assert_eq!(String::from_utf8(refused.body).unwrap(), body);
        }
    }

    #[test]
    fn a_plus_is_a_space_so_an_unencoded_offset_is_invalid() {
        let bare = Query::parse(Some("updated_after=2026-01-01T00:00:00+02:00"));
        assert!(bare.validate(ISSUES_ROUTE).is_err());
        let encoded = Query::parse(Some("updated_after=2026-01-01T00:00:00%2B02:00"));
        assert!(encoded.validate(ISSUES_ROUTE).is_ok());
    }

    #[test]
    fn arrays_may_be_repeated() {
        let query = Query::parse(Some("iids%5B%5D=1&iids[]=2"));
        assert_eq!(query.numbers("iids"), Some(vec![1, 2]));
        assert_eq!(query.numbers("other"), None);
    }
}
