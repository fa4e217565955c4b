use super::{HostRoot, NamedProject, Reference, ReferenceError, parse_reference};
use crate::gitlab::models::Noteable;

fn hosts() -> Vec<HostRoot> {
    [
        ("gl", "https://gl.example.com"),
        ("dev", "https://dev.example.org/gitlab"),
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

/// A reference in one line: host, item, note.
fn line(reference: &Reference) -> String {
    let host = reference.host.as_deref().unwrap_or("-");
    let project = match &reference.project {
        Some(NamedProject::Path(path)) => path.clone(),
        Some(NamedProject::Id(id)) => format!("[{id}]"),
        None => String::new(),
    };
    let mark = match reference.kind {
        Some(Noteable::Issue) => "#",
        Some(Noteable::MergeRequest) => "!",
        None => "",
    };
    let note = reference.note_id.map(|note| format!(" note {note}"));
    format!(
        "{host} {project}{mark}{}{}",
        reference.iid,
        note.unwrap_or_default()
    )
}

#[track_caller]
fn assert_items(table: &[(&str, &str)]) {
    for (input, expected) in table {
        let found = parse(input).map(|reference| line(&reference));
        assert_eq!(found.as_deref(), Ok(*expected), "{input}");
    }
}

#[test]
fn web_addresses_of_issues_are_understood() {
    assert_items(&[
        (
            "https://gl.example.com/g/sub/p/-/issues/123",
            "gl g/sub/p#123",
        ),
        ("https://gl.example.com/g/p/-/issues/123/", "gl g/p#123"),
        ("https://gl.example.com//g//p/-//issues/123", "gl g/p#123"),
        ("https://gl.example.com/g/p/issues/123", "gl g/p#123"),
        (
            "https://gl.example.com/g/p/-/issues/incident/123",
            "gl g/p#123",
        ),
        ("https://gl.example.com/g/p/-/incidents/123", "gl g/p#123"),
        ("https://gl.example.com/g/p/-/work_items/123", "gl g/p#123"),
        (
            "https://gl.example.com/g/p/-/quality/test_cases/7",
            "gl g/p#7",
        ),
        (
            "https://gl.example.com/g/p/-/issues/123/designs/a.png",
            "gl g/p#123",
        ),
        (
            "https://gl.example.com/g/p/-/issues/1?a=b#note_45",
            "gl g/p#1 note 45",
        ),
        (
            "https://gl.example.com/g/p/-/work_items/1#note_45",
            "gl g/p#1 note 45",
        ),
        (
            "https://gl.example.com/g/p/-/issues/1#discussion_abc",
            "gl g/p#1",
        ),
        ("https://gl.example.com/g/issues/issues/5", "gl g/issues#5"),
        (
            "https://gl.example.com/g/merge_requests/issues/5",
            "gl g/merge_requests#5",
        ),
        (
            "https://gl.example.com/g%2Fsub/p/-/issues/1",
            "gl g/sub/p#1",
        ),
        (
            "https://gl.example.com/g/caf%C3%A9/-/issues/1",
            "gl g/café#1",
        ),
        (
            "https://gl.example.com/api/v4/projects/g%2Fp/issues/5",
            "gl g/p#5",
        ),
    ]);
}

#[test]
fn web_addresses_of_merge_requests_are_understood() {
    assert_items(&[
        (
            "https://gl.example.com/g/p/-/merge_requests/789",
            "gl g/p!789",
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789/diffs",
            "gl g/p!789",
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789/commits",
            "gl g/p!789",
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789/pipelines",
            "gl g/p!789",
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789/reports",
            "gl g/p!789",
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789.diff",
            "gl g/p!789",
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/789.patch",
            "gl g/p!789",
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/7/diffs?diff_id=1#8ec9_10_12",
            "gl g/p!7",
        ),
        (
            "https://gl.example.com/g/p/-/merge_requests/8#note_9",
            "gl g/p!8 note 9",
        ),
        (
            "https://gl.example.com/g/p/merge_requests/789",
            "gl g/p!789",
        ),
        (
            "https://gl.example.com/g/p/merge_requests/789/diffs",
            "gl g/p!789",
        ),
        (
            "https://gl.example.com/g/issues/-/merge_requests/5",
            "gl g/issues!5",
        ),
        (
            "https://gl.example.com/api/v4/projects/g%2Fs%2Fp/merge_requests/5/notes",
            "gl g/s/p!5",
        ),
    ]);
}

#[test]
fn what_surrounds_an_address_and_how_its_host_is_spelt_do_not_matter() {
    assert_items(&[
        ("http://gl.example.com/g/p/-/issues/1", "gl g/p#1"),
        ("https://GL.Example.COM/g/P/-/issues/1", "gl g/P#1"),
        ("https://www.gl.example.com/g/p/-/issues/1", "gl g/p#1"),
        ("https://gl.example.com:443/g/p/-/issues/1", "gl g/p#1"),
        (
            "https://user:token@gl.example.com/g/p/-/issues/1",
            "gl g/p#1",
        ),
        ("gl.example.com/g/p/-/issues/1", "gl g/p#1"),
        (" <https://gl.example.com/g/p/-/issues/1>, ", "gl g/p#1"),
        ("\"https://gl.example.com/g/p/-/issues/1\".", "gl g/p#1"),
        ("(https://gl.example.com/g/p/-/issues/1)!", "gl g/p#1"),
    ]);
}

#[test]
fn relative_roots_and_ports_choose_the_host() {
    assert_items(&[
        ("https://dev.example.org/gitlab/g/p/-/issues/1", "dev g/p#1"),
        ("dev.example.org/gitlab/g/p/-/issues/1", "dev g/p#1"),
        (
            "https://dev.example.org/other/gitlab/g/p/-/issues/1",
            "two g/p#1",
        ),
        (
            "https://ported.example.com:8443/g/p/-/merge_requests/2",
            "ported g/p!2",
        ),
        (
            "http://127.0.0.1:8080/g/p/-/merge_requests/2",
            "plain g/p!2",
        ),
        (
            "https://dev.example.org/gitlab/api/v4/projects/42/issues/5",
            "dev [42]#5",
        ),
    ]);
}

#[test]
fn short_references_are_understood() {
    assert_items(&[
        ("123", "- 123"),
        (" 123 ", "- 123"),
        ("#123", "- #123"),
        ("!789", "- !789"),
        ("`!789`,", "- !789"),
        ("g/p#123", "- g/p#123"),
        ("g/sub.x/p_y-z!789", "- g/sub.x/p_y-z!789"),
    ]);
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
        assert_items(&[(&input, "gl g/q#123")]);
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
                assert!(known.contains(&"gl".to_owned()));
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
