//! Words that other tools use for what is called otherwise here. They hold
//! where a line does not parse, so that none can hide a command.

/// Words for commands, in lower case without separators, and the path of the
/// command. One whose command does not exist means nothing.
pub(super) const COMMANDS: &[(&str, &[&str])] = &[
    ("mr", &["mrs"]),
    ("mergerequest", &["mrs"]),
    ("mergerequests", &["mrs"]),
    ("pr", &["mrs"]),
    ("prs", &["mrs"]),
    ("pullrequests", &["mrs"]),
    ("issue", &["issues"]),
    ("fh", &["file-history"]),
    ("history", &["file-history"]),
    ("runs", &["sync-runs"]),
    ("ledger", &["sync-runs"]),
    ("find", &["search"]),
    ("grep", &["search"]),
    ("st", &["status"]),
    ("job", &["jobs"]),
    ("queue", &["jobs"]),
    ("logs", &["daemon", "logs"]),
    ("docs", &["robot-docs"]),
    ("manifest", &["robot-docs"]),
    ("schema", &["robot-docs"]),
    ("health", &["doctor"]),
    ("completion", &["completions"]),
];

/// Words for flags, likewise, and the long name of the flag.
pub(super) const FLAGS: &[(&str, &str)] = &[
    ("json", "robot"),
    ("repo", "project"),
    ("repository", "project"),
    ("max", "limit"),
    ("count", "limit"),
    ("colour", "color"),
];
