//! Words, titles, paths and hunks that look like a project's.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngCore as _};

const WORDS: &[&str] = &[
    "parser",
    "config",
    "runner",
    "cache",
    "token",
    "retry",
    "timeout",
    "upload",
    "proxy",
    "pipeline",
    "worker",
    "queue",
    "socket",
    "header",
    "index",
    "schema",
    "migration",
    "lock",
    "release",
    "panic",
    "buffer",
    "stream",
    "login",
    "session",
    "metrics",
    "docs",
    "flag",
    "default",
    "branch",
    "merge",
    "rebase",
    "artifact",
    "shell",
    "container",
    "volume",
    "mount",
    "größe",
    "naïve",
    "データ",
    "файл",
    "设置",
    "emoji 🚀",
    "Łódź",
    "e\u{301}clair",
    "שלום",
];
const VERBS: &[&str] = &[
    "Fix",
    "Add",
    "Remove",
    "Refactor",
    "Document",
    "Speed up",
    "Bump",
    "Revert",
    "Handle",
    "Rename",
    "Allow",
    "Deprecate",
    "Split",
    "Move",
    "Test",
];
const FOLDERS: &[&str] = &[
    "src",
    "lib",
    "docs",
    "tests",
    "helpers",
    "executors/docker",
    "executors/shell",
    "commands",
    "network",
    "common/config",
    "vendor/github.com/pkg",
    "doc with spaces",
    "日本語",
];
const EXTENSIONS: &[&str] = &["rs", "go", "md", "rb", "yml", "toml", "sh", "txt"];

/// One word, not always ASCII.
pub(crate) fn word(rng: &mut StdRng) -> &'static str {
    WORDS.choose(rng).copied().unwrap_or("word")
}

/// The title of an issue or a merge request.
pub(crate) fn title(rng: &mut StdRng) -> String {
    let verb = VERBS.choose(rng).copied().unwrap_or("Fix");
    format!("{verb} {} {} in {}", word(rng), word(rng), word(rng))
}

/// A few sentences, now and then with Markdown in them.
pub(crate) fn paragraph(rng: &mut StdRng) -> String {
    let mut text = String::new();
    for sentence in 0..rng.random_range(1..5_u8) {
        if sentence > 0 {
            text.push_str(if rng.random_bool(0.2) { "\n\n" } else { " " });
        }
        for place in 0..rng.random_range(4..12_u8) {
            if place > 0 {
                text.push(' ');
            }
            text.push_str(word(rng));
        }
        text.push('.');
    }
    match rng.random_range(0..20_u8) {
        0 => text.push_str("\n\n```rust\nfn main() { panic!(\"<&>\") }\n```"),
        1 => text.push_str("\n\n- [x] done\n- [ ] to do"),
        2 => text.push_str("\n\nSee #1 and !2, \u{202e}reversed\u{202c} \u{1b}[31mred\u{1b}[0m"),
        _ => {}
    }
    text
}

/// A path in a repository.
pub(crate) fn path(rng: &mut StdRng) -> String {
    let folder = FOLDERS.choose(rng).copied().unwrap_or("src");
    let extension = EXTENSIONS.choose(rng).copied().unwrap_or("txt");
    let stem = word(rng).replace(' ', "_");
    format!("{folder}/{stem}_{}.{extension}", rng.random_range(0..40_u8))
}

/// One hunk of a diff.
pub(crate) fn hunk(rng: &mut StdRng) -> String {
    let line = rng.random_range(1..400_u32);
    format!(
        "@@ -{line},3 +{line},4 @@ fn {}()\n let a = 1;\n-let b = \"{}\";\n+let b = \"{}\";\n+let c = 3;\n let d = 4;\n",
        word(rng).replace(' ', "_"),
        word(rng),
        word(rng),
    )
}

/// A number from 0 up, mostly small, now and then large.
pub(crate) fn long_tailed(rng: &mut StdRng, usual: u64, rare: u64) -> u64 {
    if rng.next_u32().is_multiple_of(100) {
        rng.random_range(usual..=rare.max(usual))
    } else {
        rng.random_range(0..=usual)
    }
}
