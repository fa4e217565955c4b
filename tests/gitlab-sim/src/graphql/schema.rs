//! The part of GitLab's schema that is served.

use crate::options::Tier;

/// What a field gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    /// A scalar or an enum.
    Leaf,
    /// An object, a list of objects, or null.
    Type(&'static str),
    /// A connection, whose cost grows with `first`.
    Connection(&'static str),
}

/// A field: its name, what it gives and the arguments it takes.
pub(super) type Field = (&'static str, Gives, &'static [&'static str]);

const fn leaf(name: &'static str) -> Field {
    (name, Gives::Leaf, &[])
}

const fn object(name: &'static str, of: &'static str) -> Field {
    (name, Gives::Type(of), &[])
}

const PAGE: [&str; 4] = ["first", "after", "last", "before"];
const ITEMS: &[&str] = &[
    PAGE[0],
    PAGE[1],
    "iid",
    "iids",
    "state",
    "sort",
    "updatedAfter",
    "updatedBefore",
    "createdAfter",
    "createdBefore",
    "types",
];

const QUERY: &[Field] = &[
    ("project", Gives::Type("Project"), &["fullPath"]),
    object("currentUser", "UserCore"),
    object("metadata", "Metadata"),
    object("queryComplexity", "QueryComplexity"),
    leaf("__typename"),
];
const PROJECT: &[Field] = &[
    leaf("id"),
    leaf("fullPath"),
    leaf("path"),
    leaf("name"),
    leaf("webUrl"),
    leaf("archived"),
    leaf("visibility"),
    leaf("lastActivityAt"),
    ("issue", Gives::Type("Issue"), &["iid"]),
    ("issues", Gives::Connection("IssueConnection"), ITEMS),
    ("mergeRequest", Gives::Type("MergeRequest"), &["iid"]),
    (
        "mergeRequests",
        Gives::Connection("MergeRequestConnection"),
        ITEMS,
    ),
    ("workItems", Gives::Connection("WorkItemConnection"), ITEMS),
];
const ISSUE: &[Field] = &[
    leaf("id"),
    leaf("iid"),
    leaf("title"),
    leaf("description"),
    leaf("state"),
    leaf("createdAt"),
    leaf("updatedAt"),
    leaf("closedAt"),
    leaf("confidential"),
    leaf("userNotesCount"),
    leaf("upvotes"),
    leaf("downvotes"),
    leaf("type"),
    leaf("webUrl"),
    object("author", "UserCore"),
];
const MERGE_REQUEST: &[Field] = &[
    leaf("id"),
    leaf("iid"),
    leaf("title"),
    leaf("description"),
    leaf("state"),
    leaf("draft"),
    leaf("createdAt"),
    leaf("updatedAt"),
    leaf("mergedAt"),
    leaf("closedAt"),
    leaf("preparedAt"),
    leaf("sourceBranch"),
    leaf("targetBranch"),
    leaf("sourceProjectId"),
    leaf("targetProjectId"),
    leaf("diffHeadSha"),
    leaf("mergeCommitSha"),
    leaf("userNotesCount"),
    leaf("upvotes"),
    leaf("downvotes"),
    leaf("webUrl"),
    object("diffRefs", "DiffRefs"),
    object("author", "UserCore"),
    object("mergeUser", "UserCore"),
];
const WORK_ITEM: &[Field] = &[
    leaf("id"),
    leaf("iid"),
    leaf("title"),
    leaf("description"),
    leaf("state"),
    leaf("createdAt"),
    leaf("updatedAt"),
    leaf("closedAt"),
    leaf("confidential"),
    leaf("webUrl"),
    object("author", "UserCore"),
    object("workItemType", "WorkItemType"),
    object("widgets", "WorkItemWidget"),
];
const STATUS_WIDGET: &[Field] = &[leaf("type"), object("status", "WorkItemStatus")];
/// What the widget was before status became an object of its own.
const OLD_STATUS_WIDGET: &[Field] = &[leaf("type"), leaf("status")];

/// The fields of a type; `None` for a type that this installation lacks.
pub(super) fn fields(type_name: &str, tier: Tier) -> Option<&'static [Field]> {
    Some(match type_name {
        "Query" => QUERY,
        "Project" => PROJECT,
        "Issue" => ISSUE,
        "MergeRequest" => MERGE_REQUEST,
        "WorkItem" => WORK_ITEM,
        "IssueConnection" => {
            const {
                &[
                    object("nodes", "Issue"),
                    object("pageInfo", "PageInfo"),
                    leaf("count"),
                ]
            }
        }
        "MergeRequestConnection" => {
            const {
                &[
                    object("nodes", "MergeRequest"),
                    object("pageInfo", "PageInfo"),
                    leaf("count"),
                ]
            }
        }
        "WorkItemConnection" => {
            const {
                &[
                    object("nodes", "WorkItem"),
                    object("pageInfo", "PageInfo"),
                    leaf("count"),
                ]
            }
        }
        "PageInfo" => {
            const {
                &[
                    leaf("hasNextPage"),
                    leaf("hasPreviousPage"),
                    leaf("startCursor"),
                    leaf("endCursor"),
                ]
            }
        }
        "UserCore" => {
            const {
                &[
                    leaf("id"),
                    leaf("username"),
                    leaf("name"),
                    leaf("state"),
                    leaf("webUrl"),
                ]
            }
        }
        "Metadata" => const { &[leaf("version"), leaf("revision"), leaf("enterprise")] },
        "QueryComplexity" => const { &[leaf("score"), leaf("limit")] },
        "DiffRefs" => const { &[leaf("baseSha"), leaf("headSha"), leaf("startSha")] },
        "WorkItemType" => const { &[leaf("id"), leaf("name")] },
        "WorkItemWidget" => const { &[leaf("type")] },
        "WorkItemWidgetDescription" => const { &[leaf("type"), leaf("description")] },
        "WorkItemWidgetStatus" => match tier {
            Tier::Ce => return None,
            Tier::OldEnterprise => OLD_STATUS_WIDGET,
            Tier::Free | Tier::Premium => STATUS_WIDGET,
        },
        "WorkItemStatus" if matches!(tier, Tier::Free | Tier::Premium) => {
            const {
                &[
                    leaf("id"),
                    leaf("name"),
                    leaf("description"),
                    leaf("category"),
                    leaf("color"),
                    leaf("iconName"),
                    leaf("position"),
                ]
            }
        }
        _ => return None,
    })
}

/// A field of a type.
pub(super) fn field(type_name: &str, name: &str, tier: Tier) -> Option<Field> {
    if name == "__typename" {
        return Some(leaf("__typename"));
    }
    fields(type_name, tier)?
        .iter()
        .find(|(known, ..)| *known == name)
        .copied()
}
