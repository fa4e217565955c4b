//! The references by which an item is named.

use lore_proto::WireError;

use super::super::usage;
use crate::store::SourceType;

/// The item that `!123`, `#123`, `group/project!123` or the address of its page
/// names.
pub(in crate::query::search) fn reference(text: &str) -> Result<(SourceType, i64), WireError> {
    let text = text.trim();
    let page = |part: &str| text.rfind(part).map(|at| &text[at + part.len()..]);
    let number = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit());
        text[..end.unwrap_or(text.len())].parse::<i64>().ok()
    };
    let sign = |sign| text.rsplit_once(sign).map(|(_, number)| number);
    let found = if text.contains("://") {
        let issue = page("/issues/").or_else(|| page("/work_items/"));
        page("/merge_requests/")
            .and_then(number)
            .map(|iid| (SourceType::MergeRequest, iid))
            .or_else(|| issue.and_then(number).map(|iid| (SourceType::Issue, iid)))
    } else {
        let whole = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let mr = sign('!').filter(|n| whole(n)).and_then(number);
        let issue = sign('#').filter(|n| whole(n)).and_then(number);
        mr.map(|iid| (SourceType::MergeRequest, iid))
            .or_else(|| issue.map(|iid| (SourceType::Issue, iid)))
    };
    found.ok_or_else(|| {
        usage(format!(
            "`{text}` names no item; write `!123` for a merge request and `#123` for an issue"
        ))
    })
}
