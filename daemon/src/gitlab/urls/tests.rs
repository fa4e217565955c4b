use super::{HostRoot, NamedProject, Reference, ReferenceError, parse_reference};
use crate::gitlab::models::{Iid, Noteable, ProjectId};
use Noteable::{Issue, MergeRequest};

fn hosts() -> Vec<HostRoot> {
    [
        ("gl.example.com", "https://gl.example.com"),
        ("dev.example.org", "https://dev.example.org/gitlab"),
        ("ported", "https://ported.example.com:8443/"),
        ("plain", "http://127.0.0.1:8080"),
        ("two", "https://dev.example.org/other/gitlab/api/v4/"),
    ]
    .into_iter()
    .map(|(host, base_url)| HostRoot {
        host: host.into(),
        base_url: base_url.parse().unwrap(),
    })
    .collect()
}

fn parse(input: &str) -> Result<Reference, ReferenceError> {
    parse_reference(input, &hosts())
}

#[track_caller]
fn assert_item(input: &str, host: &str, path: &str, kind: Noteable, iid: i64, note: Option<i64>) {
    let expected = Reference {
        host: Some(host.into()),
        project: Some(NamedProject::Path(path.into())),
        kind: Some(kind),
        iid: Iid(iid),
        note_id: note,
    };
    assert_eq!(parse(input), Ok(expected), "{input}");
}

#[test]
fn every_web_address_of_an_item_is_understood() {
    const GL: &str = "gl.example.com";
    for (input, path, kind, iid, note) in [
        (
            "https://gl.example.com/g/sub/p/-/issues/123",
            "g/sub/p",
            Issue,
            123,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/issues/123/",
            "g/p",
            Issue,
            123,
            None,
        ),
        (
            "https://gl.example.com//g//p/-//issues/123",
            "g/p",
            Issue,
            123,
            None,
        ),
        (
            "https://gl.example.com/g/p/issues/123",
            "g/p",
            Issue,
            123,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/issues/incident/123",
            "g/p",
            Issue,
            123,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/incidents/123",
            "g/p",
            Issue,
            123,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/work_items/123",
            "g/p",
            Issue,
            123,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/quality/test_cases/7",
            "g/p",
            Issue,
            7,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/issues/123/designs/a.png",
            "g/p",
            Issue,
            123,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/issues/1?sort=desc#note_45",
            "g/p",
            Issue,
            1,
            Some(45),
        ),
        (
            "https://gl.example.com/g/p/-/work_items/1#note_45",
            "g/p",
            Issue,
            1,
            Some(45),
        ),
        (
            "https://gl.example.com/g/p/-/issues/1#discussion_abc",
            "g/p",
            Issue,
            1,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789",
            "g/p",
            MergeRequest,
            789,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789/diffs",
            "g/p",
            MergeRequest,
            789,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789/commits",
            "g/p",
            MergeRequest,
            789,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789/pipelines",
            "g/p",
            MergeRequest,
            789,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789/reports",
            "g/p",
            MergeRequest,
            789,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789.diff",
            "g/p",
            MergeRequest,
            789,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789.patch",
            "g/p",
            MergeRequest,
            789,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789/diffs?diff_id=1&start_sha=abc#8ec9a00bfd_10_12",
            "g/p",
            MergeRequest,
            789,
            None,
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/8#note_9",
            "g/p",
            MergeRequest,
            8,
            Some(9),
        ),
        (
            "https://gl.example.com/g/p/merge_requests/789",
            "g/p",
            MergeRequest,
            789,
            None,
        ),
        (
            "https://gl.example.com/g/p/merge_requests/789/diffs",
            "g/p",
            MergeRequest,
            789,
            None,
        ),
        (
            "https://gl.example.com/g/issues/issues/5",
            "g/issues",
            Issue,
            5,
            None,
        ),
        (
            "https://gl.example.com/g/merge_requests/issues/5",
            "g/merge_requests",
            Issue,
            5,
            None,
        ),
        (
            "https://gl.example.com/g/issues/-/merge_requests/5",
            "g/issues",
            MergeRequest,
            5,
            None,
        ),
        (
            "http://gl.example.com/g/p/-/issues/1",
            "g/p",
            Issue,
            1,
            None,
        ),
        (
            "https://GL.Example.COM/g/P/-/issues/1",
            "g/P",
            Issue,
            1,
            None,
        ),
        (
            "https://www.gl.example.com/g/p/-/issues/1",
            "g/p",
            Issue,
            1,
            None,
        ),
        (
            "https://gl.example.com:443/g/p/-/issues/1",
            "g/p",
            Issue,
            1,
            None,
        ),
        (
            "https://user:token@gl.example.com/g/p/-/issues/1",
            "g/p",
            Issue,
            1,
            None,
        ),
        ("gl.example.com/g/p/-/issues/1", "g/p", Issue, 1, None),
        (
            "https://gl.example.com/g%2Fsub/p/-/issues/1",
            "g/sub/p",
            Issue,
            1,
            None,
        ),
        (
            "https://gl.example.com/g/caf%C3%A9/-/issues/1",
            "g/café",
            Issue,
            1,
            None,
        ),
        (
            " <https://gl.example.com/g/p/-/issues/1>, ",
            "g/p",
            Issue,
            1,
            None,
        ),
        (
            "\"https://gl.example.com/g/p/-/issues/1\".",
            "g/p",
            Issue,
            1,
            None,
        ),
        (
            "(https://gl.example.com/g/p/-/issues/1)!",
            "g/p",
            Issue,
            1,
            None,
        ),
        (
            "https://gl.example.com/api/v4/projects/g%2Fp/issues/5",
            "g/p",
            Issue,
            5,
            None,
        ),
        (
            "https://gl.example.com/api/v4/projects/g%2Fs%2Fp/merge_requests/5/notes",
            "g/s/p",
            MergeRequest,
            5,
            None,
        ),
    ] {
        assert_item(input, GL, path, kind, iid, note);
    }
}

#[test]
fn relative_roots_and_ports_choose_the_host() {
    for (input, host, path, kind, iid) in [
        (
            "https://dev.example.org/gitlab/g/p/-/issues/1",
            "dev.example.org",
            "g/p",
            Issue,
            1,
        ),
        (
            "dev.example.org/gitlab/g/p/-/issues/1",
            "dev.example.org",
            "g/p",
            Issue,
            1,
        ),
        (
            "https://dev.example.org/other/gitlab/g/p/-/issues/1",
            "two",
            "g/p",
            Issue,
            1,
        ),
        (
            "https://ported.example.com:8443/g/p/-/merge_requests/2",
            "ported",
            "g/p",
            MergeRequest,
            2,
        ),
        (
            "http://127.0.0.1:8080/g/p/-/merge_requests/2",
            "plain",
            "g/p",
            MergeRequest,
            2,
        ),
    ] {
        assert_item(input, host, path, kind, iid, None);
    }
}

#[test]
fn an_api_address_names_the_project_by_number() {
    let found = parse("https://dev.example.org/gitlab/api/v4/projects/42/issues/5").unwrap();
    assert_eq!(found.project, Some(NamedProject::Id(ProjectId(42))));
    assert_eq!((found.kind, found.iid), (Some(Issue), Iid(5)));
    assert_eq!(found.host.as_deref(), Some("dev.example.org"));
}

#[test]
fn short_references_are_understood() {
    for (input, path, kind, iid) in [
        ("123", None, None, 123),
        (" 123 ", None, None, 123),
        ("#123", None, Some(Issue), 123),
        ("!789", None, Some(MergeRequest), 789),
        ("`!789`,", None, Some(MergeRequest), 789),
        ("g/p#123", Some("g/p"), Some(Issue), 123),
        (
            "g/sub.x/p_y-z!789",
            Some("g/sub.x/p_y-z"),
            Some(MergeRequest),
            789,
        ),
    ] {
        let expected = Reference {
            host: None,
            project: path.map(|path| NamedProject::Path(path.into())),
            kind,
            iid: Iid(iid),
            note_id: None,
        };
        assert_eq!(parse(input), Ok(expected), "{input}");
    }
}

#[test]
fn a_list_with_an_open_drawer_names_the_item_in_it() {
    // {"iid":"123","full_path":"g/q","id":4711}
    let show = "eyJpaWQiOiIxMjMiLCJmdWxsX3BhdGgiOiJnL3EiLCJpZCI6NDcxMX0";
    for input in [
        format!("https://gl.example.com/g/p/-/issues?show={show}"),
        format!("https://gl.example.com/g/p/-/boards/5?show={show}%3D"),
        format!("https://gl.example.com/g/p/-/work_items/?sort=x&show={show}="),
    ] {
        assert_item(&input, "gl.example.com", "g/q", Issue, 123, None);
    }
}

#[test]
fn addresses_of_other_pages_say_what_they_are() {
    for (input, what) in [
        (
            "https://gl.example.com/g/p/-/issues/?sort=created_date",
            "a list of issues",
        ),
        (
            "https://gl.example.com/g/p/-/issues/service_desk",
            "a list of issues",
        ),
        ("https://gl.example.com/g/p/issues", "a list of issues"),
        (
            "https://gl.example.com/g/p/-/merge_requests",
            "a list of merge requests",
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/new",
            "a list of merge requests",
        ),
        ("https://gl.example.com/g/p/-/boards/5", "an issue board"),
        ("https://gl.example.com/groups/g/-/epics/3", "an epic"),
        (
            "https://gl.example.com/groups/g/-/work_items/3",
            "a group's work item",
        ),
        ("https://gl.example.com/groups/g", "a group's page"),
        (
            "https://gl.example.com/g/p/-/pipelines/77",
            "a pipeline or job",
        ),
        (
            "https://gl.example.com/g/p/-/blob/main/issues/5",
            "a file or folder",
        ),
        ("https://gl.example.com/g/p/-/milestones/3", "a milestone"),
        ("https://gl.example.com/g/p", "a project"),
        (
            "https://gl.example.com/g/p/-/wikis/home",
            "another page of the project",
        ),
        (
            "https://gl.example.com/dashboard",
            "a page outside any project",
        ),
        ("https://gl.example.com/", "a page outside any project"),
        (
            "https://gl.example.com/-/profile",
            "a page outside any project",
        ),
        (
            "https://gl.example.com/api/v4/projects/42/pipelines/5",
            "another part of the API",
        ),
        ("&12", "an epic"),
    ] {
        match parse(input) {
            Err(ReferenceError::NotAnItem { what: found, .. }) => {
                assert_eq!(found, what, "{input}");
            }
            other => panic!("{input}: {other:?}"),
        }
    }
}

#[test]
fn an_address_of_another_host_names_it_and_the_configured_ones() {
    for (input, host) in [
        ("https://gitlab.com/g/p/-/issues/1", "gitlab.com"),
        (
            "https://gl.example.com:8443/g/p/-/issues/1",
            "gl.example.com:8443",
        ),
        (
            "https://gl.example.com.evil.org/g/p/-/issues/1",
            "gl.example.com.evil.org",
        ),
        ("https://dev.example.org/g/p/-/issues/1", "dev.example.org"),
        (
            "https://dev.example.org/gitlabx/g/p/-/issues/1",
            "dev.example.org",
        ),
    ] {
        match parse(input) {
            Err(ReferenceError::UnknownHost { host: found, known }) => {
                assert_eq!(found, host, "{input}");
                assert!(known.contains(&"gl.example.com".to_owned()));
            }
            other => panic!("{input}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_reference_is_refused_with_its_reason() {
    for input in ["", "   ", "<>", "\"\""] {
        assert_eq!(parse(input), Err(ReferenceError::Empty), "{input}");
    }
    for input in [
        "0",
        "#0",
        "!00",
        "99999999999999999999",
        "https://gl.example.com/g/p/-/issues/0",
    ] {
        assert!(
            matches!(parse(input), Err(ReferenceError::BadNumber(_))),
            "{input}: {:?}",
            parse(input)
        );
    }
    for input in [
        "abc",
        "g/p",
        "p#1",
        "-5",
        "g//p#1",
        "g/p#1#2x",
        "12ab",
        "issue 5",
        "ftp://gl.example.com/g/p/-/issues/1",
        "https://",
        "://",
        "https://gl.example.com/g/p%00/-/issues/1",
        "https://gl.example.com/g/p%ff/-/issues/1",
        "g/p\u{7}#1",
        "g/p\u{1b}[31m!1",
    ] {
        let error = parse(input).unwrap_err();
        assert!(
            matches!(error, ReferenceError::Unreadable(_)),
            "{input}: {error:?}"
        );
        assert!(
            !error.to_string().chars().any(char::is_control),
            "{input:?}"
        );
    }
    let long = "9".repeat(10_000_000);
    assert_eq!(parse(&long), Err(ReferenceError::TooLong(10_000_000)));
}
