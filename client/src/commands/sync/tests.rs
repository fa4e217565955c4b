use super::*;

fn job() -> Job {
    Job {
        id: 4,
        asker: None,
        run_ids: vec!["r1".into()],
        daemon: 1,
    }
}

fn ended(state: JobState, result: Option<&str>, error: Option<WireError>) -> Ended {
    Ended {
        state,
        result: result.map(|text| RawValue::from_string(text.to_owned()).unwrap()),
        error,
    }
}

fn error_of(ended: &Ended) -> WireError {
    match verdict(ended, &job()) {
        Err(Failure::Error(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn outcome(status: CompletionStatus) -> String {
    let mut run = summary::tests::run("group/project");
    run.completion_status = Some(status);
    run.error_code = Some(ErrorCode::GitlabUnauthorized);
    run.error_message = Some("401".into());
    run.recovery_actions = vec!["lore init".into()];
    serde_json::to_string(&SyncOutcome {
        completion_status: status,
        runs: vec![run],
    })
    .unwrap()
}

#[test]
fn warnings_are_success() {
    let text = outcome(CompletionStatus::SucceededWithWarnings);
    assert!(verdict(&ended(JobState::Succeeded, Some(&text), None), &job()).is_ok());
}

#[test]
fn a_failed_run_gives_its_own_code_its_cures_and_the_whole_result() {
    let text = outcome(CompletionStatus::Failed);
    // Whether the job as a whole counts as failed does not matter.
    for state in [JobState::Succeeded, JobState::Failed] {
        let error = error_of(&ended(state, Some(&text), None));
        assert_eq!(error.exit_status(), 5);
        assert_eq!(error.actions, ["lore init"]);
        assert_eq!(
            error.details["result"]["runs"][0]["project"],
            "group/project"
        );
    }
}

#[test]
fn a_cancelled_job_is_130_with_or_without_a_result() {
    let text = outcome(CompletionStatus::Cancelled);
    for result in [None, Some(text.as_str())] {
        let error = error_of(&ended(JobState::Cancelled, result, None));
        assert_eq!(error.exit_status(), 130);
        assert_eq!(error.details["run_ids"][0], "r1");
    }
}

#[test]
fn the_jobs_own_error_comes_through() {
    let given = WireError::new(ErrorCode::TokenMissing, "no token");
    let error = error_of(&ended(JobState::Failed, None, Some(given)));
    assert_eq!(error.code, ErrorCode::TokenMissing);
}
