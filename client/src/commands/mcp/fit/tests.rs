use super::*;
use serde_json::json;

const SHAPE: Shape = Shape {
    rows: Some(Rows {
        field: "threads",
        total: "threads_total",
    }),
    sides: &[Side::new("files", 20).of("files_total")],
    once: &["description"],
};
const FIRST: Page = Page {
    limit: Some(20),
    goes_on: false,
};

/// A mirror of so many threads of so many characters.
fn mirror(threads: u32, characters: usize) -> impl FnMut(Option<u32>) -> Result<Answer, Failure> {
    move |limit| {
        let shown = limit.unwrap_or(20).min(threads);
        let threads: Vec<Value> = (0..shown)
            .map(|n| json!({"discussion_id": n, "notes": [{"body": "\"x\\".repeat(characters / 3), "body_truncated": false}]}))
            .collect();
        let files: Vec<Value> = (0..100)
            .map(|n| json!({"new_path": format!("src/{n}.rs")}))
            .collect();
        Ok(Answer::of(json!({
            "description": "what it is for", "description_truncated": false,
            "threads": threads, "threads_total": 30, "next_cursor": "after",
            "files": files, "files_total": 120,
        })))
    }
}

fn on_the_wire(answer: &Answer) -> usize {
    let value = answer.to_value();
    let text = value.to_string();
    json!({"content": [{"type": "text", "text": text}], "structuredContent": value, "isError": false})
        .to_string()
        .len()
}

#[test]
fn an_answer_never_takes_more_than_its_budget() {
    for (threads, characters) in [(0, 0), (20, 30), (20, 900), (3, 9_000), (1, 200_000)] {
        for bytes in [4_000, 16_000, 50_000] {
            let ask = mirror(threads, characters);
            let answer = fit(&SHAPE, FIRST, Budget::of_result(bytes), ask).unwrap();
            let size = on_the_wire(&answer);
            assert!(
                size < bytes as usize,
                "{threads} of {characters}: {size} of {bytes}"
            );
        }
    }
}

#[test]
fn as_many_rows_are_asked_for_as_fit_and_the_rest_is_marked() {
    let mut asked = Vec::new();
    let mut mirror = mirror(20, 900);
    let answer = fit(&SHAPE, FIRST, Budget::of_result(16_000), |limit| {
        asked.push(limit);
        mirror(limit)
    })
    .unwrap();
    let shown = answer.data["threads"].as_array().unwrap().len();
    assert!((2..20).contains(&shown), "{shown}");
    assert_eq!(asked, [Some(20), Some(u32::try_from(shown).unwrap())]);
    let cut = |what: &str| {
        answer
            .truncated
            .iter()
            .find(|cut| cut.what == what)
            .unwrap()
    };
    assert_eq!(cut("threads").total, Some(30));
    assert!(cut("threads").more.contains("cursor"));
    assert_eq!(cut("files").total, Some(120));
    assert!(cut("files").shown.unwrap() > 5);
}

#[test]
fn a_single_row_that_does_not_fit_is_cut_within_and_says_so() {
    let answer = fit(&SHAPE, FIRST, Budget::of_result(16_000), mirror(1, 200_000)).unwrap();
    let note = &answer.data["threads"][0]["notes"][0];
    assert_eq!(note["body_truncated"], true);
    assert!(note["body"].as_str().unwrap().ends_with('…'));
    assert!(
        answer
            .truncated
            .iter()
            .any(|cut| cut.more.contains("max_bytes"))
    );
}

#[test]
fn no_row_is_lost_where_the_mirror_gives_more_than_it_was_asked_for() {
    let stubborn = |_| mirror(20, 900)(None);
    let refused = fit(&SHAPE, FIRST, Budget::of_result(16_000), stubborn);
    let all = |answer: Answer| answer.data["threads"].as_array().map(Vec::len) == Some(20);
    assert!(refused.map_or(true, all));
}

#[test]
fn later_pages_leave_out_what_the_first_one_has() {
    let page = Page {
        goes_on: true,
        ..FIRST
    };
    let answer = fit(&SHAPE, page, Budget::of_result(16_000), mirror(2, 30)).unwrap();
    assert_eq!(answer.data["description"], "");
    assert_eq!(answer.data["files"], json!([]));
    assert_eq!(answer.truncated[0].what, "description, files");
}
