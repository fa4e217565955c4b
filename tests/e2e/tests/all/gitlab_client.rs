//! The GitLab client against the simulator: everything a mirror asks for
//! arrives whole, whatever the installation is like and whatever breaks.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gitlab_sim::upstream::Issuable;
use gitlab_sim::{
    ErrorBody, FaultKind, FaultRule, GeneratorConfig, Latency, Options, RateLimit, RetryAfter,
    RouteFilter, Simulator, SimulatorBuilder, Throttle, Tier, When,
};
use lore_daemon::clock::SystemClock;
use lore_daemon::gitlab::{
    Call, Client, GitLabError, HostConfig, Iid, ListOrder, ListParams, ListView, Noteable,
    PageRequest, ProjectId, ProjectRef, StatusOutcome, Token,
};
use tokio_util::sync::CancellationToken;

async fn simulator(config: &GeneratorConfig, change: impl FnOnce(&mut Options)) -> Simulator {
    SimulatorBuilder::new()
        .generate(config)
        .with(change)
        .start()
        .await
        .unwrap()
}

fn client(sim: &Simulator) -> Client {
    client_that_waits(sim, Duration::from_secs(30))
}

fn client_that_waits(sim: &Simulator, request_timeout: Duration) -> Client {
    let config = HostConfig {
        token: Some(Token::new(sim.token())),
        first_backoff: Duration::from_millis(2),
        request_timeout,
        max_body_bytes: 4 * 1024 * 1024,
        ..HostConfig::new("sim", sim.url().parse().unwrap())
    };
    Client::new(config, Arc::new(SystemClock), 7).unwrap()
}

/// What a mirror has of one item: its title, and how many of each kind of
/// child.
type Summary = BTreeMap<(&'static str, i64), (String, [usize; 5])>;

/// All of a project that the simulator's token sees.
fn upstream(sim: &Simulator, project: u64) -> Summary {
    let signed = |iid: u64| i64::try_from(iid).unwrap();
    sim.read(|upstream| {
        let project = &upstream.projects[&project];
        let viewer = upstream.viewer(Some(sim.token())).unwrap();
        let children = |item: &Issuable, files: usize| {
            let notes = item.discussions.iter().flat_map(|it| &it.notes);
            let labels = item.label_events.iter();
            [
                notes.filter(|note| viewer.sees_note(project, note)).count(),
                item.state_events.len(),
                labels
                    .filter(|event| viewer.sees_label_event(project, event))
                    .count(),
                item.milestone_events.len(),
                files,
            ]
        };
        let issues = project.issues.values().map(|issue| {
            let item = &issue.common;
            (
                ("issue", signed(item.iid)),
                (item.title.clone(), children(item, 0)),
            )
        });
        let merge_requests = project.merge_requests.values().map(|merge_request| {
            let item = &merge_request.common;
            let files = merge_request
                .versions
                .last()
                .map_or(0, |version| version.files.len());
            (
                ("merge_request", signed(item.iid)),
                (item.title.clone(), children(item, files)),
            )
        });
        issues.chain(merge_requests).collect()
    })
}

/// All of a project, as the client gets it.
async fn mirrored(client: &Client, call: &Call<'_>, id: ProjectId) -> Result<Summary, GitLabError> {
    let mut summary = Summary::new();
    let mut page = PageRequest::First;
    loop {
        let params = ListParams {
            order: ListOrder::UpdatedAsc,
            page,
            ..ListParams::default()
        };
        let answer = client.issues_page(call, id, &params).await?;
        assert_eq!(answer.broken, []);
        for issue in answer.items {
            let children = children(client, call, id, Noteable::Issue, issue.iid).await?;
            summary.insert(("issue", issue.iid.0), (issue.title, children));
        }
        match answer.next {
            Some(next) => page = PageRequest::Next(next),
            None => break,
        }
    }
    let mut page = PageRequest::First;
    loop {
        let params = ListParams {
            order: ListOrder::CreatedAsc,
            per_page: 50,
            page,
            ..ListParams::default()
        };
        let answer = client
            .merge_request_iids_page(call, id, &params, ListView::Simple)
            .await?;
        assert_eq!(answer.broken, []);
        for listed in answer.items {
            let iid = listed.iid;
            let found = client.merge_request(call, id, iid).await?.value;
            let mut children = children(client, call, id, Noteable::MergeRequest, iid).await?;
            let diffs = client
                .merge_request_diffs(call, id, iid, Some(&found.changes_count))
                .await?
                .value;
            assert!(diffs.complete, "!{iid}: {} files", diffs.diffs.len());
            children[4] = diffs.diffs.len();
            client.closes_issues(call, id, iid).await?;
            summary.insert(("merge_request", iid.0), (found.title, children));
        }
        match answer.next {
            Some(next) => page = PageRequest::Next(next),
            None => return Ok(summary),
        }
    }
}

async fn children(
    client: &Client,
    call: &Call<'_>,
    id: ProjectId,
    of: Noteable,
    iid: Iid,
) -> Result<[usize; 5], GitLabError> {
    let (discussions, states, labels, milestones) = tokio::try_join!(
        client.discussions(call, id, of, iid),
        client.state_events(call, id, of, iid),
        client.label_events(call, id, of, iid),
        client.milestone_events(call, id, of, iid),
    )?;
    assert!(discussions.is_complete());
    Ok([
        discussions.items.iter().map(|it| it.notes.len()).sum(),
        states.items.len(),
        labels.items.len(),
        milestones.items.len(),
        0,
    ])
}

/// Mirrors the first project through the client and compares with upstream.
async fn assert_whole(sim: &Simulator) -> Client {
    let client = client_that_waits(sim, Duration::from_millis(700));
    let cancel = CancellationToken::new();
    let call = Call::background(&cancel);
    let (id, path) = sim.read(|upstream| {
        let project = upstream.projects.values().next().unwrap();
        (project.id, project.path_with_namespace.clone())
    });
    let project = client
        .project(&call, ProjectRef::Path(&path))
        .await
        .unwrap()
        .value;
    let found = mirrored(&client, &call, project.id).await.unwrap();
    let expected = upstream(sim, id);
    for (item, expected) in &expected {
        assert_eq!(found.get(item), Some(expected), "{item:?}");
    }
    assert_eq!(found.len(), expected.len());
    let unknown = sim.requests().with_unknown_params();
    assert!(unknown.is_empty(), "{unknown:?}");
    client
}

fn small() -> GeneratorConfig {
    GeneratorConfig {
        issues: 130,
        merge_requests: 40,
        unprepared_merge_requests: 0,
        ..GeneratorConfig::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_arrives_whole_from_a_stock_installation() {
    let sim = simulator(&small(), |_| {}).await;
    assert_whole(&sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_arrives_whole_from_an_old_one_behind_an_odd_proxy() {
    let sim = simulator(&small(), |options| {
        options.relative_root = "/gitlab".into();
        options.utc_offset = 2 * 3600;
        options.keyset = false;
        options.raw_diffs = false;
        options.totals_limit = 10;
        options.link_host = Some("internal.example:8181".into());
        options.gzip = true;
        options.work_item_urls = true;
    })
    .await;
    assert_whole(&sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_arrives_whole_although_a_tenth_of_all_requests_fails() {
    let sim = simulator(
        &GeneratorConfig {
            issues: 40,
            merge_requests: 12,
            ..small()
        },
        |_| {},
    )
    .await;
    let kinds = [
        FaultKind::Status(500, ErrorBody::Json),
        FaultKind::Status(502, ErrorBody::Html),
        FaultKind::RateLimited(Throttle::RackAttack, RetryAfter::Seconds, 0),
        FaultKind::Reset,
        FaultKind::HalfBody,
        FaultKind::Stall(Some(Duration::from_secs(2))),
        FaultKind::Latency(Duration::from_millis(20)),
    ];
    for (seed, kind) in (1..).zip(kinds) {
        sim.faults().add(FaultRule {
            route: RouteFilter::Any,
            kind,
            when: When::Probability { p: 0.015, seed },
        });
    }
    let client = assert_whole(&sim).await;
    assert!(sim.faults().injected().len() > 10);
    let answers = client.budget().answers;
    assert!(
        answers.server_error > 0 && answers.no_answer > 0,
        "{answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_project_is_found_by_its_old_path() {
    let sim = simulator(&small(), |options| {
        options.redirect_base = Some("http://elsewhere.example".into());
    })
    .await;
    let (id, old) = sim.read(|upstream| {
        let project = upstream.projects.values().next().unwrap();
        (project.id, project.path_with_namespace.clone())
    });
    sim.change(|upstream| upstream.rename_project(id, "quite-another-name"))
        .unwrap();
    let cancel = CancellationToken::new();
    let found = client(&sim)
        .project(&Call::background(&cancel), ProjectRef::Path(&old))
        .await
        .unwrap()
        .value;
    assert_eq!(found.id, ProjectId(i64::try_from(id).unwrap()));
    assert_ne!(found.path_with_namespace, old);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_come_where_the_licence_has_them_and_are_unsupported_elsewhere() {
    for (tier, supported) in [
        (Tier::Premium, true),
        (Tier::Free, true),
        (Tier::Ce, false),
        (Tier::OldEnterprise, false),
    ] {
        let sim = simulator(&small(), |options| options.tier = tier).await;
        let (id, path) = sim.read(|upstream| {
            let project = upstream.projects.values().next().unwrap();
            (project.id, project.path_with_namespace.clone())
        });
        let (iids, expected) = sim.read(|upstream| {
            let issues = upstream.projects[&id].issues.values();
            let iids: Vec<_> = issues
                .clone()
                .map(|issue| Iid(i64::try_from(issue.common.iid).unwrap()))
                .collect();
            // Incidents and test cases have no status.
            let with = issues.filter(|issue| {
                issue.status.is_some() && matches!(issue.issue_type.as_str(), "issue" | "task")
            });
            (iids, with.count())
        });
        let cancel = CancellationToken::new();
        let call = Call::background(&cancel);
        let project = ProjectId(i64::try_from(id).unwrap());
        let outcome = client(&sim)
            .work_item_statuses(&call, project, &path, &iids)
            .await
            .unwrap()
            .value;
        match outcome {
            StatusOutcome::Supported(found) => {
                assert!(supported, "{tier:?}");
                let with = found.iter().filter(|it| it.status.is_some()).count();
                let expected = if tier == Tier::Premium { expected } else { 0 };
                assert_eq!(with, expected, "{tier:?}");
            }
            StatusOutcome::Unsupported(reason) => assert!(!supported, "{tier:?}: {reason}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interactive_work_keeps_its_part_of_the_announced_budget() {
    let sim = simulator(&small(), |options| {
        options.rate_limit = Some(RateLimit::per_minute(100));
    })
    .await;
    let client = client(&sim);
    let cancel = CancellationToken::new();
    // Less than what lies between two requests of the last tenth.
    let soon = || tokio::time::Instant::now() + Duration::from_secs(5);
    let project = ProjectId(
        sim.read(|upstream| i64::try_from(*upstream.projects.keys().next().unwrap()).unwrap()),
    );
    let mut spent = 0;
    loop {
        let mut call = Call::background(&cancel);
        call.deadline = Some(soon());
        match client.issue(&call, project, Iid(1)).await {
            Ok(_) => spent += 1,
            Err(error) => {
                assert_eq!(error.code().as_str(), "GITLAB_RATE_LIMITED");
                break;
            }
        }
        assert!(spent < 100, "background work took the whole budget");
    }
    assert!(spent >= 90, "{spent}");
    let quick = Call::interactive(&cancel, soon());
    client.issue(&quick, project, Iid(1)).await.unwrap();
    assert_eq!(client.budget().answers.rate_limited, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warm_connections_save_interactive_work_the_handshake() {
    let sim = simulator(&small(), |_| {}).await;
    let client = client(&sim);
    let project = ProjectId(
        sim.read(|upstream| i64::try_from(*upstream.projects.keys().next().unwrap()).unwrap()),
    );
    assert_eq!(client.warm(12).await, 12);
    // From here on no new connection comes to stand in time.
    sim.set_latency(Latency {
        connect: Duration::from_mins(1),
        answer: Duration::ZERO,
    });
    let cancel = CancellationToken::new();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let call = Call::interactive(&cancel, deadline);
    let asked = (1..=12).map(|iid| client.merge_request(&call, project, Iid(iid)));
    for answer in futures_util::future::join_all(asked).await {
        answer.unwrap();
    }
}
