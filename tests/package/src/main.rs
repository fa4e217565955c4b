//! `lore-package FOLDER`: writes man pages, completions and units below it.

use std::path::Path;
use std::process::ExitCode;

#[allow(clippy::print_stderr)] // A tool for the one who makes packages.
fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let [folder] = words.as_slice() else {
        eprintln!("usage: lore-package FOLDER");
        return ExitCode::from(2);
    };
    match lore_package::write(Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "lore-package: writing below `{}`: {error}",
                folder.display()
            );
            ExitCode::FAILURE
        }
    }
}
