//! Tools of others: found, or installed into the build folder.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const LONGEST: Duration = Duration::from_mins(2);

/// Says that a test cannot be run here, and how it could. Not by a macro, since
/// what those print of a test that passes is not shown.
pub(super) fn skipped(tool: &str, get: &str, why: &str) {
    let line = format!("skipped: {tool} is not installed, get it with `{get}` ({why})\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// That a program is there.
pub(super) fn installed(program: &str) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg("--version");
    run(command, "").map(drop)
}

/// The folder of modules in which an npm package lies.
pub(super) fn npm(package: &str) -> Result<PathBuf, String> {
    installed("node")?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("npm")
        .join(package);
    let modules = folder.join("node_modules");
    let there = |modules: &Path| modules.join(package).join("package.json").is_file();
    if !there(&modules) {
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
        ])
        .arg(&folder)
        .arg(package);
        run(npm, "")?;
    }
    if there(&modules) {
        Ok(modules)
    } else {
        Err("npm has put it elsewhere".to_owned())
    }
}

/// The interpreter of an environment that has a Python package, at a version
/// where one matters: `name` or `name==1.2`.
pub(super) fn pip(requirement: &str) -> Result<PathBuf, String> {
    let (package, _) = requirement.split_once("==").unwrap_or((requirement, ""));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("pip")
        .join(requirement);
    let python = folder.join("bin/python");
    let imports = |python: &Path| {
        let mut command = Command::new(python);
        command.args(["-c", &format!("import {package}")]);
        run(command, "").map(drop)
    };
    if python.exists() && imports(&python).is_ok() {
        return Ok(python);
    }
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    run(venv, "")?;
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ])
    .args(["--timeout", "10", "--retries", "1", requirement]);
    run(pip, "")?;
    imports(&python)?;
    Ok(python)
}

/// Runs a command on this input, to its end or to that of two minutes, and
/// gives what it prints; else what it complains about.
pub(super) fn run(mut command: Command, input: &str) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name}: {error}"))?;
    let id = child.id();
    let stdin = child.stdin.take();
    let input = input.to_owned();
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            // It need not read all.
            let _ = stdin.write_all(input.as_bytes());
        }
        done.send(child.wait_with_output())
    });
    let Ok(output) = finished.recv_timeout(LONGEST) else {
        // The thread still waits for it, so the number is not used again.
        let _ = Command::new("kill").arg(id.to_string()).status();
        return Err(format!("{name} took longer than two minutes"));
    };
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{name}: {}", complaint.trim_end()))
}
