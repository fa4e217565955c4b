use std::os::unix::fs::PermissionsExt as _;

use lore_proto::ErrorCode;

use super::*;
use crate::store::Database;

fn go_on(_: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn count(path: &Path) -> u64 {
    let connection = Connection::open(path).unwrap();
    connection
        .query_row("SELECT count(*) FROM heap", [], |row| row.get(0))
        .unwrap()
}

/// A database with rows enough for several steps.
async fn filled(folder: &Path) -> (Database, PathBuf) {
    let path = folder.join("lore.db");
    let db = Database::open(&path).unwrap();
    db.write(|tx| {
        tx.execute_batch(
            "CREATE TABLE heap (x BLOB);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
             INSERT INTO heap SELECT zeroblob(3000) FROM n;",
        )?;
        Ok::<_, StoreError>(())
    })
    .await
    .unwrap();
    (db, path)
}

#[tokio::test]
async fn a_copy_is_one_state_of_the_database_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let (db, path) = filled(folder.path()).await;
    let to = folder.path().join("copy.db");
    let (source, target) = (path.clone(), to.clone());
    let writer = Connection::open(&path).unwrap();
    let mut steps = 0;
    let copied = copy(&source, &target, false, |done, total| {
        steps += 1;
        assert!(done <= total);
        // Another writer in the middle of it, as a sync is.
        writer.execute("INSERT INTO heap VALUES (1)", []).unwrap();
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!((2..50).contains(&steps), "{steps}");
    assert_eq!(count(&to), 1_500);
    assert!(count(&path) > 1_500);
    assert_eq!(copied.schema_version, migrations::newest_version());
    assert_eq!(std::fs::metadata(&to).unwrap().len(), copied.bytes);
    assert_eq!(
        std::fs::metadata(&to).unwrap().permissions().mode() & 0o777,
        0o600
    );
    drop(db);
}

#[tokio::test]
async fn nothing_is_replaced_without_a_word_and_the_mirror_itself_never() {
    let folder = tempfile::tempdir().unwrap();
    let (_db, path) = filled(folder.path()).await;
    let to = folder.path().join("copy.db");
    std::fs::write(&to, "precious").unwrap();
    let refused = copy(&path, &to, false, go_on).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Usage);
    assert!(refused.to_string().contains("--force"), "{refused}");
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "precious");
    copy(&path, &to, true, go_on).unwrap();
    assert_eq!(count(&to), 1_500);
    for name in ["lore.db", "lore.db-wal", "lored.lock"] {
        let refused = copy(&path, &folder.path().join(name), true, go_on).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Usage, "{name}");
    }
    let nowhere = copy(&path, Path::new("/no/such/folder/x.db"), false, go_on).unwrap_err();
    assert_eq!(nowhere.code(), ErrorCode::Io);
    assert!(
        nowhere
            .to_string()
            .contains("`/no/such/folder` is not there"),
        "{nowhere}"
    );
    assert!(nowhere.to_wire().actions.is_empty());
}

#[tokio::test]
async fn a_copy_that_is_cancelled_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (_db, path) = filled(folder.path()).await;
    let away = tempfile::tempdir().unwrap();
    let to = away.path().join("copy.db");
    let cancelled = copy(&path, &to, false, |_, _| ControlFlow::Break(())).unwrap_err();
    assert_eq!(cancelled.code(), ErrorCode::Cancelled);
    assert_eq!(std::fs::read_dir(away.path()).unwrap().count(), 0);
}

#[test]
fn a_database_is_copied_before_its_schema_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lore.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(include_str!("../../../../migrations/001_mirror.sql"))
        .unwrap();
    connection
        .pragma_update(None, "application_id", migrations::APPLICATION_ID)
        .unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    drop(Database::open(&path).unwrap());
    let version = |path: &Path| migrations::version(&Connection::open(path).unwrap()).unwrap();
    assert_eq!(version(&path), migrations::newest_version());
    assert_eq!(version(&folder.path().join("lore.db.v1.bak")), 1);
    // Without a migration there is none.
    std::fs::remove_file(folder.path().join("lore.db.v1.bak")).unwrap();
    drop(Database::open(&path).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn two_copies_to_one_file_do_not_spoil_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (_db, path) = filled(folder.path()).await;
    let to = folder.path().join("copy.db");
    let mut others = 0;
    copy(&path, &to, true, |_, _| {
        if others < 2 {
            others += 1;
            copy(&path, &to, true, go_on).unwrap();
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(others, 2);
    assert_eq!(count(&to), 1_500);
    let copies = std::fs::read_dir(folder.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("copy.db")
    });
    assert_eq!(copies.count(), 1, "nothing else is left");
}
