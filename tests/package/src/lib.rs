//! What a package of lore holds beside its two programs, made from the
//! programs' own definitions, so that none of it can go stale.

pub mod man;

use std::io;
use std::path::Path;

use lore_client::{Shell, completion_script, packaged_units};

/// Writes everything below `root`, each file where Debian has it.
pub fn write(root: &Path) -> io::Result<()> {
    for page in man::pages()? {
        put(&root.join("usr/share/man/man1").join(page.name), &page.text)?;
    }
    for (shell, path) in COMPLETIONS {
        put(&root.join(path), completion_script(*shell)?.as_bytes())?;
    }
    for (name, text) in packaged_units("/usr/bin/lored") {
        put(
            &root.join("usr/lib/systemd/user").join(name),
            text.as_bytes(),
        )?;
    }
    Ok(())
}

/// Where the completions of a shell are looked for. `PowerShell` has no such
/// place.
const COMPLETIONS: &[(Shell, &str)] = &[
    (Shell::Bash, "usr/share/bash-completion/completions/lore"),
    (Shell::Zsh, "usr/share/zsh/vendor-completions/_lore"),
    (Shell::Fish, "usr/share/fish/vendor_completions.d/lore.fish"),
];

fn put(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}
