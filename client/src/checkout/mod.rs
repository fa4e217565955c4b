//! What git's files tell of the current folder: where its repository begins
//! and which projects its remotes point to. The files are read directly; no
//! git process is started, and nothing in them is ever run.

mod config;
mod path;
mod remotes;
mod ssh;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

pub(crate) use path::repository_path;

use config::GitConfig;

/// The most of one of git's files that is read.
const MAX_FILE: u64 = 1024 * 1024;

/// A git repository around a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkout {
    /// The folder that holds the working tree; absent in a bare repository.
    pub(crate) root: Option<PathBuf>,
    /// Where `HEAD` is.
    git_dir: PathBuf,
    /// Where `config` is: the same, but in a linked worktree.
    common_dir: PathBuf,
}

impl Checkout {
    /// The repository around the current folder; none where that is gone.
    pub(crate) fn here() -> Option<Self> {
        Self::around(&std::env::current_dir().ok()?)
    }

    /// The repository that `folder` lies in, by the nearest `.git` upwards.
    pub(crate) fn around(folder: &Path) -> Option<Self> {
        folder.ancestors().find_map(Self::at)
    }

    /// The repository whose top `folder` is.
    fn at(folder: &Path) -> Option<Self> {
        let dot_git = folder.join(".git");
        if is_git_dir(&dot_git) {
            return Some(Self {
                root: Some(folder.to_path_buf()),
                common_dir: common_dir(&dot_git),
                git_dir: dot_git,
            });
        }
        // A linked worktree or a submodule: a file that names the folder.
        if let Some(text) = read_bounded(&dot_git) {
            let target = text.strip_prefix("gitdir:")?.trim_end_matches(['\n', '\r']);
            let git_dir = folder.join(target.trim_start());
            return Some(Self {
                root: Some(folder.to_path_buf()),
                common_dir: common_dir(&git_dir),
                git_dir,
            });
        }
        is_git_dir(folder).then(|| Self {
            root: None,
            git_dir: folder.to_path_buf(),
            common_dir: common_dir(folder),
        })
    }

    /// URLs of the remotes, most telling first: the one that the current
    /// branch follows, `upstream`, `origin`, then the others in the order of
    /// the config. `insteadOf` and host aliases of ssh are resolved, and what
    /// a URL says of a user or a password is left out.
    pub(crate) fn remotes(&self, user: &UserFiles) -> Vec<String> {
        let mut config = GitConfig::default();
        for file in &user.git_configs {
            config.read(file);
        }
        config.read(&self.common_dir.join("config"));
        let aliases = user
            .ssh_config
            .as_deref()
            .and_then(read_bounded)
            .map(|text| ssh::HostNames::parse(&text))
            .unwrap_or_default();
        remotes::urls(&config, self.branch().as_deref(), &aliases)
    }

    /// The branch that `HEAD` is on.
    fn branch(&self) -> Option<String> {
        let head = read_bounded(&self.git_dir.join("HEAD"))?;
        let branch = head.trim_end().strip_prefix("ref: refs/heads/")?;
        Some(branch.to_owned())
    }
}

/// The person's own files that bear on what a remote's URL means.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserFiles {
    /// git's own and the person's, later ones winning.
    pub(crate) git_configs: Vec<PathBuf>,
    /// Where `ssh` looks host aliases up.
    pub(crate) ssh_config: Option<PathBuf>,
}

impl UserFiles {
    /// Where they are by the process's environment (git-config(1), "FILES").
    pub(crate) fn from_env() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        let home = set("HOME").map(PathBuf::from);
        let mut git_configs = vec![PathBuf::from("/etc/gitconfig")];
        if let Some(named) = set("GIT_CONFIG_GLOBAL") {
            git_configs.push(named.into());
        } else {
            let xdg = set("XDG_CONFIG_HOME")
                .map(PathBuf::from)
                .or_else(|| home.as_ref().map(|home| home.join(".config")));
            git_configs.extend(xdg.map(|folder| folder.join("git/config")));
            git_configs.extend(home.as_ref().map(|home| home.join(".gitconfig")));
        }
        Self {
            git_configs,
            ssh_config: home.map(|home| home.join(".ssh/config")),
        }
    }
}

fn is_git_dir(folder: &Path) -> bool {
    folder.join("HEAD").is_file() && folder.join("objects").is_dir() && folder.join("refs").is_dir()
}

/// gitrepository-layout(5): a linked worktree's folder names the common one.
fn common_dir(git_dir: &Path) -> PathBuf {
    match read_bounded(&git_dir.join("commondir")) {
        Some(text) => git_dir.join(text.trim_end_matches(['\n', '\r'])),
        None => git_dir.to_path_buf(),
    }
}

/// The beginning of a file as text; `None` where it cannot be read.
fn read_bounded(path: &Path) -> Option<String> {
    let file = File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn git_dir(folder: &Path, config: &str, head: &str) {
        for part in ["objects", "refs"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        fs::write(folder.join("HEAD"), head).unwrap();
        fs::write(folder.join("config"), config).unwrap();
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    const ORIGIN: &str = "[remote \"origin\"]\n\turl = git@gitlab.example:group/one.git\n";

    #[test]
    fn a_folder_deep_inside_a_checkout_finds_its_root_and_remote() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("repo");
        git_dir(&root.join(".git"), ORIGIN, "ref: refs/heads/main\n");
        let deep = root.join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let checkout = Checkout::around(&deep).unwrap();
        assert_eq!(checkout.root.as_deref(), Some(root.as_path()));
        assert_eq!(
            checkout.remotes(&UserFiles::default()),
            ["git@gitlab.example:group/one.git"]
        );
        assert_eq!(Checkout::around(home.path()), None);
    }

    #[test]
    fn the_remote_that_the_branch_follows_comes_first() {
        let home = tempfile::tempdir().unwrap();
        let config = "[remote \"origin\"]\nurl = https://h/g/origin\n\
                      [remote \"fork\"]\nurl = https://h/g/fork\n\
                      [remote \"upstream\"]\nurl = https://h/g/upstream\n\
                      [branch \"feature/x\"]\nremote = fork\n";
        git_dir(
            &home.path().join(".git"),
            config,
            "ref: refs/heads/feature/x\n",
        );
        let checkout = Checkout::around(home.path()).unwrap();
        assert_eq!(
            checkout.remotes(&UserFiles::default()),
            [
                "https://h/g/fork",
                "https://h/g/upstream",
                "https://h/g/origin"
            ]
        );
    }

    #[test]
    fn a_linked_worktree_has_its_own_branch_and_the_common_config() {
        let home = tempfile::tempdir().unwrap();
        let main = home.path().join("main/.git");
        let config = format!(
            "{ORIGIN}[remote \"other\"]\nurl = https://h/g/other\n[branch \"side\"]\nremote = other\n"
        );
        git_dir(&main, &config, "ref: refs/heads/main\n");
        let linked = main.join("worktrees/side");
        write(&linked.join("HEAD"), "ref: refs/heads/side\n");
        write(&linked.join("commondir"), "../..\n");
        let tree = home.path().join("side");
        write(
            &tree.join(".git"),
            &format!("gitdir: {}\n", linked.display()),
        );
        let checkout = Checkout::around(&tree).unwrap();
        assert_eq!(checkout.root.as_deref(), Some(tree.as_path()));
        assert_eq!(
            checkout.remotes(&UserFiles::default())[0],
            "https://h/g/other"
        );
    }

    #[test]
    fn a_submodule_is_a_checkout_of_its_own() {
        let home = tempfile::tempdir().unwrap();
        git_dir(&home.path().join(".git"), ORIGIN, "ref: refs/heads/main\n");
        git_dir(
            &home.path().join(".git/modules/sub"),
            "[remote \"origin\"]\nurl = https://h/g/sub\n",
            "0123456789012345678901234567890123456789\n",
        );
        let sub = home.path().join("sub");
        write(&sub.join(".git"), "gitdir: ../.git/modules/sub\n");
        let checkout = Checkout::around(&sub).unwrap();
        assert_eq!(checkout.root.as_deref(), Some(sub.as_path()));
        assert_eq!(checkout.remotes(&UserFiles::default()), ["https://h/g/sub"]);
    }

    #[test]
    fn a_bare_repository_has_remotes_and_no_working_tree() {
        let home = tempfile::tempdir().unwrap();
        let bare = home.path().join("one.git");
        git_dir(&bare, ORIGIN, "ref: refs/heads/main\n");
        let checkout = Checkout::around(&bare).unwrap();
        assert_eq!(checkout.root, None);
        assert_eq!(checkout.remotes(&UserFiles::default()).len(), 1);
    }

    #[test]
    fn rewrites_of_the_persons_own_config_and_ssh_aliases_apply() {
        let home = tempfile::tempdir().unwrap();
        let config = "[remote \"origin\"]\nurl = gl:group/one.git\n\
                      [remote \"z\"]\nurl = git@work:group/two.git\n";
        git_dir(&home.path().join(".git"), config, "ref: refs/heads/main\n");
        let user = UserFiles {
            git_configs: vec![home.path().join("absent"), home.path().join("gitconfig")],
            ssh_config: Some(home.path().join("ssh")),
        };
        write(
            &user.git_configs[1],
            "[url \"https://gitlab.example/\"]\n  insteadOf = gl:\n",
        );
        write(
            &home.path().join("ssh"),
            "Host work\n  HostName gitlab.example\n",
        );
        let checkout = Checkout::around(home.path()).unwrap();
        assert_eq!(
            checkout.remotes(&user),
            [
                "https://gitlab.example/group/one.git",
                "git@gitlab.example:group/two.git"
            ]
        );
    }

    #[test]
    fn damaged_files_give_no_remotes_and_no_panic() {
        let home = tempfile::tempdir().unwrap();
        for (head, config) in [
            ("", "[remote \"origin"),
            ("ref: ", "[[[]]]\nurl = x\n[remote \"a\"]\nurl"),
            ("\u{0}\u{0}", "[remote \"a\"]\nurl = \"unclosed\n\\"),
        ] {
            git_dir(&home.path().join(".git"), config, head);
            let checkout = Checkout::around(home.path()).unwrap();
            let _ = checkout.remotes(&UserFiles::default());
        }
    }
}
