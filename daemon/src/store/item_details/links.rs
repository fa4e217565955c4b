//! Which merge request closes which issue, from either end.

use lore_proto::items::ItemLink;
use rusqlite::{Connection, params};

use crate::store::StoreError;
use crate::store::projects::ProjectRow;

/// The first `limit` issues that a merge request of `project` closes, in
/// GitLab's order.
pub fn closes(
    connection: &Connection,
    project: &ProjectRow,
    merge_request: i64,
    limit: u32,
) -> Result<Vec<ItemLink>, StoreError> {
    let links = connection
        .prepare_cached(
            "SELECT c.issue_iid, c.external_id, p.path_with_namespace, coalesce(i.title, c.title),
                 i.state, i.web_url, p.id, c.project_gitlab_id
             FROM mr_closes_issues c
                 LEFT JOIN projects p ON p.host = ?2 AND p.gitlab_id = c.project_gitlab_id
                 LEFT JOIN issues i ON i.project_id = p.id AND i.iid = c.issue_iid
             WHERE c.merge_request_id = ?1 ORDER BY c.position LIMIT ?3",
        )?
        .query_map(params![merge_request, project.host, limit], |row| {
            let iid: Option<u64> = row.get(0)?;
            let external: Option<String> = row.get(1)?;
            let path: Option<String> = row.get(2)?;
            let here = row.get::<_, Option<i64>>(6)? == Some(project.id);
            // Of a project that is not mirrored only the number is known.
            let elsewhere = match path {
                None => row.get::<_, Option<i64>>(7)?,
                Some(_) => None,
            };
            Ok(ItemLink {
                reference: match (iid, external, elsewhere) {
                    (Some(iid), _, Some(other)) => format!("#{iid} of project {other}"),
                    (Some(iid), _, None) => reference('#', iid, path.as_deref(), here),
                    (None, external, _) => external.unwrap_or_default(),
                },
                iid: iid.filter(|_| elsewhere.is_none()),
                project: path,
                title: row.get(3)?,
                state: row.get(4)?,
                web_url: row.get(5)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(links)
}

/// The newest `limit` mirrored merge requests that close an issue of
/// `project`, of whichever project.
pub fn closed_by(
    connection: &Connection,
    project: &ProjectRow,
    issue: i64,
    limit: u32,
) -> Result<Vec<ItemLink>, StoreError> {
    let links = connection
        .prepare_cached(
            "SELECT m.iid, p.path_with_namespace, m.title, m.state, m.web_url, p.id
             FROM issues i JOIN mr_closes_issues c ON c.issue_gitlab_id = i.gitlab_id
                 JOIN merge_requests m ON m.id = c.merge_request_id
                 JOIN projects p ON p.id = m.project_id
             WHERE i.id = ?1 AND p.host = ?2
             ORDER BY m.updated_at DESC, m.id DESC LIMIT ?3",
        )?
        .query_map(params![issue, project.host, limit], |row| {
            let iid = row.get(0)?;
            let path: String = row.get(1)?;
            let here = row.get::<_, i64>(5)? == project.id;
            Ok(ItemLink {
                reference: reference('!', iid, Some(&path), here),
                iid: Some(iid),
                project: Some(path),
                title: row.get(2)?,
                state: row.get(3)?,
                web_url: row.get(4)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(links)
}

/// As GitLab writes it: with the path where it is another project's.
fn reference(sigil: char, iid: u64, path: Option<&str>, here: bool) -> String {
    match path {
        Some(path) if !here => format!("{path}{sigil}{iid}"),
        _ => format!("{sigil}{iid}"),
    }
}
