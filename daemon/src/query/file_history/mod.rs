//! `fileHistory.get`: the merge requests behind a file (contract §4).

mod chain;
mod nearest;
mod path;
mod review;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;
use lore_proto::file_history::{FileHistory, FileHistoryParams, FileMergeRequest};
use lore_proto::project::{ProjectInfo, Read};
use lore_proto::{ErrorCode, WireError};
use rusqlite::Connection;
use serde_json::json;

use super::{cursor, page_size, project};
use crate::store::file_history::{self as store, Touch};
use crate::store::projects::ProjectRow;
use crate::store::{Database, StoreError};

/// So many merge requests with a cut file list are named.
const MAX_POSSIBLY_MISSING: usize = 100;

/// The history of `params.path` in `asked`, which stands for the selectors in
/// `params`.
///
/// Merge requests come newest first: by the time of the merge or, where there
/// is none, of the last update; then by the last update; then by iid.
///
/// # Errors
/// `USAGE` for a path, a limit or a cursor that does not fit; `NOT_FOUND` for a
/// project that is not mirrored yet, and for a path that no merge request has,
/// with the nearest known ones in `details.nearest`.
pub async fn get(
    db: &Database,
    asked: &ProjectInfo,
    params: FileHistoryParams,
    now: Timestamp,
) -> Result<Read<FileHistory>, WireError> {
    let path = path::normalise(&params.path)?;
    let limit = page_size(params.limit)?;
    let asked = asked.clone();
    db.read(move |connection| {
        let row = project::mirrored(connection, &asked)?;
        let question = Question {
            asked: &asked,
            row: &row,
            path,
            params: &params,
            limit: limit as usize,
        };
        question.answer(connection, now)
    })
    .await
}

struct Question<'a> {
    asked: &'a ProjectInfo,
    row: &'a ProjectRow,
    path: String,
    params: &'a FileHistoryParams,
    limit: usize,
}

/// The names of a file, and the same as the array that statements take.
struct Names {
    list: Vec<String>,
    json: String,
}

impl Question<'_> {
    fn answer(
        self,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<Read<FileHistory>, WireError> {
        if !store::is_known(connection, self.row.id, &self.path)? {
            return Err(self.unknown(connection)?);
        }
        let chain = if self.params.no_follow_renames {
            chain::Chain::of_one(&self.path)
        } else {
            chain::find(connection, self.row.id, &self.path)?
        };
        let list: Vec<String> = chain.names.iter().map(|name| name.path.clone()).collect();
        let names = Names {
            json: json!(list).to_string(),
            list,
        };
        let query = self.identity();
        let after = match &self.params.cursor {
            Some(text) => Some(place(&cursor::decode(&query, text)?)?),
            None => None,
        };
        let (page, remaining, total) = self.page(connection, &names, after)?;
        let next_cursor = page.last().filter(|_| remaining > 0).map(|last| {
            cursor::encode(
                &query,
                &format!("{} {} {}", last.at, last.updated_at, last.iid),
            )
        });
        let (possibly_missing, mut warnings) = self.cut(connection, &names)?;
        warnings.splice(0..0, project::warnings(self.asked, self.row));
        if chain.truncated {
            warnings.push(format!(
                "the file has more than {} names; merge requests that know it by the others are \
                 left out",
                chain::MAX_NAMES
            ));
        }
        Ok(Read {
            freshness: Some(project::freshness(
                connection,
                &self.asked.path,
                self.row,
                now,
            )?),
            warnings,
            data: FileHistory {
                project: project::info(self.asked, self.row),
                merge_requests: page
                    .iter()
                    .map(|touch| self.merge_request(connection, &names, *touch))
                    .collect::<Result<_, _>>()?,
                path: self.path,
                chain: chain.names,
                chain_truncated: chain.truncated,
                total,
                remaining,
                next_cursor,
                possibly_missing,
            },
        })
    }

    /// The page behind `after`, newest first, how many follow it, and how many
    /// there are in all. Keeps no more than a page in memory.
    fn page(
        &self,
        connection: &Connection,
        names: &Names,
        after: Option<Touch>,
    ) -> Result<(Vec<Touch>, u64, u64), StoreError> {
        let (mut total, mut behind) = (0, 0_u64);
        // The oldest of the page on top, to give way to a newer one.
        let mut page = BinaryHeap::with_capacity(self.limit + 1);
        store::touching(
            connection,
            self.row.id,
            &names.json,
            self.params.merged,
            |touch| {
                total += 1;
                let place = (touch.at, touch.updated_at, touch.iid);
                if after.is_none_or(|after| place < (after.at, after.updated_at, after.iid)) {
                    behind += 1;
                    page.push(Reverse(touch));
                    if page.len() > self.limit {
                        page.pop();
                    }
                }
            },
        )?;
        // Ascending by `Reverse`: newest first.
        let page: Vec<Touch> = page
            .into_sorted_vec()
            .into_iter()
            .map(|Reverse(touch)| touch)
            .collect();
        let remaining = behind - page.len() as u64;
        Ok((page, remaining, total))
    }

    fn merge_request(
        &self,
        connection: &Connection,
        names: &Names,
        touch: Touch,
    ) -> Result<FileMergeRequest, StoreError> {
        let found = store::merge_request(connection, touch.id)?;
        let discussions = self
            .params
            .discussions
            .then(|| review::threads(connection, touch.id, names, found.web_url.as_deref()))
            .transpose()?;
        Ok(FileMergeRequest {
            iid: found.iid,
            title: found.title,
            state: found.state,
            draft: found.draft,
            author: found.author,
            web_url: found.web_url,
            target_branch: found.target_branch,
            created_at: found.created_at,
            updated_at: found.updated_at,
            merged_at: found.merged_at,
            commit_sha: found.commit_sha,
            changes: store::changes(connection, self.row.id, &names.json, touch.id)?,
            discussions,
        })
    }

    /// Merge requests that the answer may lack, and a sentence where there are
    /// more than are named.
    fn cut(
        &self,
        connection: &Connection,
        names: &Names,
    ) -> Result<(Vec<u64>, Vec<String>), StoreError> {
        let mut iids = store::possibly_missing(
            connection,
            self.row.id,
            &names.json,
            self.params.merged,
            MAX_POSSIBLY_MISSING + 1,
        )?;
        let mut warnings = Vec::new();
        if iids.len() > MAX_POSSIBLY_MISSING {
            iids.truncate(MAX_POSSIBLY_MISSING);
            warnings.push(format!(
                "GitLab cut the file lists of more than {MAX_POSSIBLY_MISSING} merge requests; \
                 only the newest of them are named"
            ));
        }
        Ok((iids, warnings))
    }

    fn unknown(&self, connection: &Connection) -> Result<WireError, StoreError> {
        let nearest = nearest::find(connection, self.row.id, &self.path)?;
        let names = json!([self.path]).to_string();
        let missing =
            store::possibly_missing(connection, self.row.id, &names, false, MAX_POSSIBLY_MISSING)?;
        let mut message = format!(
            "no merge request in the mirror of `{}` touches `{}`",
            self.asked.path, self.path
        );
        if !missing.is_empty() {
            message.push_str("; GitLab cut the file lists of some, which may");
        }
        let error = WireError::new(ErrorCode::NotFound, message).details(json!({
            "path": self.path,
            "nearest": nearest,
            "possibly_missing": missing,
        }));
        // The nearest paths come from GitLab, so no command is made of them. Where
        // there are some, the path is misspelt rather than too new.
        if nearest.is_empty() {
            let selector = project::selector(connection, self.asked)?;
            return Ok(project::with_sync_command(error, selector.as_deref()));
        }
        Ok(error)
    }

    /// All that decides which merge requests the answer holds.
    fn identity(&self) -> String {
        format!(
            "file-history\n{}\n{}\n{}\n{}",
            self.row.id, self.params.merged, self.params.no_follow_renames, self.path
        )
    }
}

/// The place that a cursor names; its `id` says nothing.
fn place(text: &str) -> Result<Touch, WireError> {
    let mut parts = text.split(' ');
    let mut next = || parts.next().ok_or_else(cursor::broken);
    let (at, updated_at, iid) = (next()?, next()?, next()?);
    let number = |text: &str| text.parse().map_err(|_| cursor::broken());
    Ok(Touch {
        at: number(at)?,
        updated_at: number(updated_at)?,
        iid: iid.parse().map_err(|_| cursor::broken())?,
        id: 0,
    })
}

#[cfg(test)]
mod tests;
