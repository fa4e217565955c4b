//! Files that are replaced as a whole, and small ones of anybody's that are
//! read within bounds.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes `content` to `path`, 0600, so that a reader sees the old content or
/// the new, and so does whoever comes after a crash. Blocks.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = temporary_beside(path);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        if let Some(folder) = path.parent() {
            // The name is safe only once its folder is.
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    // One that a crashed process of the same number left.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write().inspect_err(|_| {
        // What is left of it has no use; the first error is the one to tell.
        let _ = std::fs::remove_file(&temporary);
    })
}

/// A name beside `path` for what will take its place. No two calls give the
/// same: whoever writes at the same time writes into a file of its own.
pub(crate) fn temporary_beside(path: &Path) -> PathBuf {
    static GIVEN: AtomicU64 = AtomicU64::new(0);
    let number = GIVEN.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}-{number}", std::process::id()));
    path.with_file_name(name)
}

/// Opens a regular file for reading. A pipe with nobody at its other end, a
/// terminal and the like are refused without a wait.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    let no_wait = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(no_wait)
        .open(path)?;
    // Of what was opened: the name may mean something else by now.
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        let reason = "it is not a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    Ok((file, metadata))
}

/// The first `max` bytes of a regular file, as text. Blocks for as long as its
/// file system does.
pub(crate) fn read_small(path: &Path, max: u64) -> io::Result<String> {
    let mut text = String::new();
    let (file, _) = open_regular(path)?;
    file.take(max).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_who_write_at_once_write_into_files_of_their_own() {
        let path = Path::new("/c/config.toml");
        let names = [temporary_beside(path), temporary_beside(path)];
        assert_ne!(names[0], names[1]);
        for name in names {
            assert_eq!(name.parent(), path.parent());
        }
    }

    #[test]
    fn many_who_replace_a_file_at_once_leave_one_of_their_contents_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::thread::scope(|scope| {
            for number in 0..8_u8 {
                let path = &path;
                scope.spawn(move || replace(path, &[number; 10_000]).unwrap());
            }
        });
        let content = std::fs::read(&path).unwrap();
        assert_eq!(content, [content[0]; 10_000]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_regular_file_is_refused_without_a_wait() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let (told, read) = std::sync::mpsc::channel();
        for path in [pipe, folder.path().to_path_buf()] {
            let told = told.clone();
            // A thread of its own, since an open that waits cannot be ended.
            std::thread::spawn(move || told.send(read_small(&path, 10)));
            let error = read
                .recv_timeout(std::time::Duration::from_mins(1))
                .expect("it waits for somebody to write")
                .unwrap_err();
            assert_eq!(error.to_string(), "it is not a regular file");
        }
    }
}
