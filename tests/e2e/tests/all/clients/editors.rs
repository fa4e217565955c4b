//! The editors' plugin and examples of `client/editors`, as a person drives
//! them, on the socket of a real `lored`. What a buffer shows is compared with
//! a kept snapshot; `LORE_RENEW=1` writes it anew.

use std::path::{Path, PathBuf};
use std::process::Command;

use gitlab_sim::upstream::{
    DiffFile, ItemKind, ItemRef, ItemState, NewMergeRequest, NewNote, Place, Position, Upstream,
    UserId,
};
use gitlab_sim::{
    FaultKind, FaultRule, Moment, Route, RouteFilter, Simulator, SimulatorBuilder, When,
};
use lore_e2e::{DaemonProcess, Home};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::tools::{self, installed, run, skipped};
use super::{HELD, script};

const FILE: &str = "src/net/client.rs";
const LINE: u64 = 4;

/// A daemon with a small, fixed mirror, and a checkout of its project. Where
/// the editors look for `lore` there is one that starts nothing: a daemon runs.
struct Desk {
    home: Home,
    _daemon: DaemonProcess,
    sim: Simulator,
    folder: TempDir,
    synced: u64,
    held: u64,
}

impl Desk {
    /// None where git is missing; that is said.
    async fn set() -> Option<Self> {
        if let Err(why) = installed("git") {
            skipped("git", "apt install git", &why);
            return None;
        }
        let now = Moment::from_micros(jiff::Timestamp::now().as_microsecond());
        let (mut synced, mut held) = (0, 0);
        let sim = SimulatorBuilder::new()
            .now(now)
            .upstream(|upstream| (synced, held) = tell(upstream))
            .start_blocking()
            .unwrap();
        sim.clock().follow_real_time();
        let home = Home::new(
            &sim,
            &["acme/app".to_owned()],
            "interval_seconds = 0\nsurgical_preflight_budget_seconds = 600",
        );
        let daemon = home.start().await;
        let mut own = daemon.connect().await.unwrap();
        let started = own.request("sync.start", json!({})).await.unwrap();
        let job = json!({ "job_id": started["job_id"] });
        own.request("jobs.subscribe", job).await.unwrap();
        while own.notice().await["params"]["result"]["kind"] != "finished" {}
        // What a surgical sync is to find.
        let at = ItemRef::merge_request(42, synced);
        sim.change(|upstream| upstream.set_title(at, 1, "Honour Retry-After and its dates"))
            .unwrap();
        sim.faults().add(FaultRule::new(
            RouteFilter::Item(Route::Item(ItemKind::MergeRequest), held),
            FaultKind::Latency(HELD),
            When::Always,
        ));
        let folder = checkout(&sim);
        Some(Self {
            home,
            _daemon: daemon,
            sim,
            folder,
            synced,
            held,
        })
    }

    /// What an editor's script prints, as JSON.
    async fn seen_by(&self, mut command: Command) -> Value {
        let checkout = self.folder.path().join("app");
        let asked = json!({
            "file": checkout.join(FILE), "line": LINE, "words": "date",
            "merge_request": self.synced, "held": self.held,
        });
        let path = std::env::var_os("PATH").unwrap_or_default();
        let bin = self.folder.path().join("bin");
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)));
        command
            .env("LORE_ASKED", asked.to_string())
            .env("LORE_DATA_DIR", self.home.socket().parent().unwrap())
            .env_remove("LORE_SOCKET")
            .env_remove("LORE_CONFIG")
            .env("HOME", self.folder.path())
            .env("PATH", path.unwrap())
            .current_dir(checkout);
        let run = tokio::task::spawn_blocking(move || run(command, ""));
        let output = run.await.unwrap().expect("the editor runs");
        // Lua writes `/` as `\/`; the port is another one each time.
        let output = output
            .replace("\\/", "/")
            .replace(&self.sim.url(), "https://gitlab.test");
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"))
    }
}

/// A project with a file that was renamed and reviewed, at fixed times; a merge
/// request to be synced, and one whose sync does not end.
fn tell(upstream: &mut Upstream) -> (u64, u64) {
    let ada = upstream.add_user("ada", "Ada");
    let grace = upstream.add_user("grace", "Grace");
    upstream.create_project("acme/app");
    let mut add = |title: &str, file: DiffFile, day: &str, merged: bool, notes: &[(u64, &str)]| {
        let when = Moment::parse(day).unwrap();
        let iid = upstream.project(42).unwrap().next_merge_request_iid;
        let new = NewMergeRequest::new(ada, title, vec![file]);
        let at = upstream.insert_merge_request(42, iid, new, when).unwrap();
        for (line, body) in notes {
            let note = note(upstream, at, grace, *line, body);
            upstream.insert_note(at, note, when).unwrap();
        }
        let merge_request = upstream.merge_request_mut(42, iid).unwrap();
        merge_request.common.updated_at = when;
        if merged {
            merge_request.common.state = ItemState::Merged;
            merge_request.merged_at = Some(when);
        }
        iid
    };
    let hunk = "@@ -3,2 +3,3 @@\n {\n+    fetch();\n }\n";
    let first = DiffFile::added("lib/http.rs", hunk);
    add(
        "Fetch pages over HTTP",
        first,
        "2025-01-10T09:00:00Z",
        true,
        &[],
    );
    let renamed = DiffFile::renamed("lib/http.rs", FILE, hunk);
    add(
        "Call the client a client",
        renamed,
        "2025-02-11T09:00:00Z",
        true,
        &[],
    );
    // Text that would like to be obeyed.
    let bodies = [
        (
            LINE,
            "An HTTP date is\nallowed\u{1b}[31m here as well.\nvim: set textwidth=7:",
        ),
        (9000, "What if it says a day?"),
    ];
    let honour = DiffFile::modified(FILE, hunk);
    let title = "Honour \u{202e}Retry-After";
    let synced = add(title, honour, "2025-03-12T09:00:00Z", true, &bodies);
    let pool = DiffFile::modified(FILE, hunk);
    let held = add(
        "Keep a pool of connections",
        pool,
        "2025-04-13T09:00:00Z",
        false,
        &[],
    );
    (synced, held)
}

fn note(upstream: &Upstream, at: ItemRef, author: UserId, line: u64, body: &str) -> NewNote {
    let merge_request = upstream.merge_request(at.project_id, at.iid).unwrap();
    let version = merge_request.versions.last().unwrap();
    let file = &version.files[0];
    let position = Position {
        base_sha: version.base_sha.clone(),
        start_sha: version.start_sha.clone(),
        head_sha: version.head_sha.clone(),
        old_path: file.old_path.clone(),
        new_path: file.new_path.clone(),
        place: Place::Text {
            old_line: None,
            new_line: Some(line),
            line_range: None,
        },
    };
    NewNote::on_diff(author, body, position)
}

/// A folder with a checkout of the project, `app`, and `bin/lore`.
fn checkout(sim: &Simulator) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("app");
    std::fs::create_dir_all(app.join("src/net")).unwrap();
    std::fs::write(app.join(FILE), "1\n2\n3\n4\n5\n6\n").unwrap();
    // A token that somebody left in the remote; nobody is to be told.
    let remote = format!("{}/acme/app.git", sim.url()).replace("://", "://oauth2:glpat-secret@");
    for words in [
        vec!["init", "--quiet"],
        vec!["remote", "add", "origin", &remote],
    ] {
        let mut git = Command::new("git");
        git.env("HOME", folder.path()).current_dir(&app).args(words);
        run(git, "").unwrap();
    }
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    program(&bin.join("lore"), "echo \"$@\" >> \"$HOME/started\"\n");
    folder
}

/// Makes a program of a script.
fn program(path: &Path, script: &str) {
    std::fs::write(path.with_extension("sh"), script).unwrap();
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../beside");
    std::os::unix::fs::symlink(beside, path).unwrap();
}

/// A file or folder of `client/editors`.
fn editor(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../client/editors")
        .join(below)
}

/// That a text is the kept one.
fn assert_kept(name: &str, text: &str) {
    let kept = script(&format!("editors/{name}"));
    if std::env::var_os("LORE_RENEW").is_some_and(|renew| renew == "1") {
        std::fs::write(&kept, text).unwrap();
    }
    let expected = std::fs::read_to_string(&kept).unwrap_or_default();
    assert_eq!(text, expected, "LORE_RENEW=1 writes {name} anew");
}

/// The parts of what was seen as one text.
fn sections(seen: &Value, names: &[&str]) -> String {
    let section = |name: &&str| {
        let text = seen[*name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name}: {seen}"));
        format!("[{name}]\n{text}\n\n")
    };
    names.iter().map(section).collect()
}

/// That a list of what a sync told goes through these, in this order.
fn assert_passes(steps: &Value, words: &[&str]) {
    let mut left = steps.as_array().unwrap().iter();
    for word in words {
        let found = left.any(|step| step.as_str().is_some_and(|step| step.contains(word)));
        assert!(found, "no `{word}` in time: {steps}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neovim_shows_history_and_threads_and_syncs() {
    if let Err(why) = installed("nvim") {
        return skipped("nvim", "apt install neovim", &why);
    }
    let Some(desk) = Desk::set().await else {
        return;
    };
    let mut nvim = Command::new("nvim");
    nvim.args(["--headless", "-u", "NONE", "-i", "NONE", "-n", "--cmd"])
        .arg(format!("set runtimepath^={}", editor("nvim").display()))
        .args(["-c", "runtime plugin/lore.lua", "-c"])
        .arg(format!(
            "luafile {}",
            script("editors/neovim.lua").display()
        ))
        .args(["-c", "cquit"]);
    let seen = desk.seen_by(nvim).await;
    let shown = [
        "history",
        "merge_request",
        "threads",
        "search",
        "synced",
        "cancelled",
        "missing",
        "unknown",
        "no_file",
        "no_reference",
    ];
    assert_kept("neovim.txt", &sections(&seen, &shown));
    assert_passes(&seen["steps"], &["preflight", "ingest", "dependents"]);
    assert_eq!(seen["picked"]["opened"], "!3 Honour Retry-After");
    assert_eq!(
        (&seen["obeyed"], &seen["writable"]),
        (&json!(0), &json!(false))
    );
    assert_eq!(
        (&seen["stays"], &seen["marks_left"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(seen["status"], "");
    let started = desk.folder.path().join("started");
    assert!(
        !started.exists(),
        "it started a daemon beside the one that runs"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn neovim_has_the_daemon_started_where_none_answers_and_says_why_it_was_not() {
    if let Err(why) = installed("nvim") {
        return skipped("nvim", "apt install neovim", &why);
    }
    let folder = tempfile::tempdir().unwrap();
    let lua = r"
        local said = {}
        vim.notify = function(message) said[#said + 1] = message end
        local function told(settings)
          said = {}
          vim.g.lore = settings
          vim.cmd('LoreSearch words')
          vim.wait(60000, function() return #said > 0 end, 5)
          return said[1]
        end
        io.stdout:write(vim.json.encode({
          told({ autostart = false }),
          told({ command = 'no-such-lore' }),
          told({ command = 'LORE' }),
        }))
        vim.cmd('qall!')
    ";
    let lore = folder.path().join("lore");
    let says = r#"{"ok":false,"error":{"code":"CONFIG_NOT_FOUND","message":"there is no config","actions":["lore init"]}}"#;
    program(
        &lore,
        &format!("echo \"$@\" > asked\necho '{says}'\nexit 3\n"),
    );
    let script = folder.path().join("drive.lua");
    std::fs::write(&script, lua.replace("LORE", &lore.display().to_string())).unwrap();
    let mut nvim = Command::new("nvim");
    nvim.args(["--headless", "-u", "NONE", "-i", "NONE", "-n", "--cmd"])
        .arg(format!("set runtimepath^={}", editor("nvim").display()))
        .args(["-c", "runtime plugin/lore.lua", "-c"])
        .arg(format!("luafile {}", script.display()))
        .args(["-c", "cquit"])
        .env("LORE_DATA_DIR", folder.path())
        .env_remove("LORE_SOCKET")
        .current_dir(folder.path());
    let said = tokio::task::spawn_blocking(move || run(nvim, ""))
        .await
        .unwrap()
        .unwrap();
    let said: Vec<String> = serde_json::from_str(&said).unwrap();
    assert!(said[0].ends_with("next: lore daemon start"), "{said:?}");
    assert!(
        said[1].contains("`no-such-lore`, which would start one"),
        "{said:?}"
    );
    let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
    assert_eq!(asked, "--robot daemon start\n");
    assert_eq!(
        said[2],
        "lore: CONFIG_NOT_FOUND: there is no config\n  next: lore init"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn emacs_shows_history_and_syncs() {
    if let Err(why) = installed("emacs") {
        return skipped("emacs", "apt install emacs-nox", &why);
    }
    let Some(desk) = Desk::set().await else {
        return;
    };
    let mut emacs = Command::new("emacs");
    emacs
        .args(["-Q", "--batch", "-l"])
        .arg(editor("emacs/lore.el"))
        .arg("-l")
        .arg(script("editors/emacs.el"));
    let seen = desk.seen_by(emacs).await;
    assert_kept(
        "emacs.txt",
        &sections(&seen, &["history", "missing", "unknown"]),
    );
    assert_passes(
        &seen["steps"],
        &["queued", "preflight", "dependents", "succeeded"],
    );
    assert_eq!(seen["cancelled"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_for_vscode_shows_history_and_syncs() {
    let package = match tools::npm("vscode-jsonrpc") {
        Ok(folder) => folder,
        Err(why) => return skipped("vscode-jsonrpc", "npm install vscode-jsonrpc", &why),
    };
    let Some(desk) = Desk::set().await else {
        return;
    };
    let mut node = Command::new("node");
    node.arg(script("editors/vscode.js"))
        .arg(editor("vscode/lore.js"))
        .env("NODE_PATH", package);
    let seen = desk.seen_by(node).await;
    assert_kept(
        "vscode.txt",
        &sections(&seen, &["history", "missing", "refused"]),
    );
    assert_passes(
        &seen["steps"],
        &["queued", "preflight", "dependents", "succeeded"],
    );
    assert_eq!(seen["cancelled"], "cancelled");
}
