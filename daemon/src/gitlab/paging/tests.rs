use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::next::{next_link, next_place};
use super::place::{NextPage, Place, smaller};
use crate::gitlab::error::Failure;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect()
}

fn keyset(cursor: &str) -> Place {
    Place::Keyset(Some(cursor.into()))
}

#[test]
fn page_sizes_shrink_to_divisors_down_to_one() {
    let mut sizes = vec![100];
    while sizes.last() != Some(&1) {
        sizes.push(smaller(*sizes.last().unwrap()));
    }
    assert_eq!(sizes, [100, 50, 25, 5, 1]);
    assert_eq!(smaller(20), 10);
    assert_eq!(smaller(7), 1);
}

#[test]
fn a_shrunk_page_begins_where_the_whole_one_did_and_grows_back_behind_it() {
    let third = NextPage::numbered(3, 100);
    assert_eq!(third.consumed, 200);
    let shrunk = third.shrunk().shrunk();
    assert_eq!((shrunk.per_page, &shrunk.place), (25, &Place::Number(9)));
    let mut at = shrunk;
    let mut visited = Vec::new();
    while at.consumed < 400 {
        visited.push((at.consumed, at.per_page));
        let Place::Number(page) = at.place else {
            panic!()
        };
        at = at.after(at.per_page.into(), Place::Number(page + 1));
    }
    assert_eq!(visited, [(200, 25), (225, 25), (250, 50), (300, 100)]);
}

#[test]
fn a_walk_steps_over_a_lost_element_and_loses_no_other() {
    let mut at = NextPage::numbered(7, 100);
    while at.per_page > 1 {
        at = at.shrunk();
    }
    let lost = 637;
    let mut read = Vec::new();
    while at.consumed < 800 {
        let rows = at.consumed..at.consumed + u64::from(at.per_page);
        if rows.contains(&lost) {
            at = if at.per_page == 1 {
                at.past_lost()
            } else {
                at.shrunk()
            };
        } else {
            read.extend(rows);
            let Place::Number(page) = at.place else {
                panic!()
            };
            at = at.after(at.per_page.into(), Place::Number(page + 1));
        }
    }
    let expected: Vec<u64> = (600..800).filter(|row| *row != lost).collect();
    assert_eq!(read, expected);
    assert_eq!(at.per_page, 100);
}

#[test]
fn a_keyset_walk_that_loses_an_element_goes_on_by_number() {
    let at = NextPage::first(100, true).after(100, keyset("c"));
    let mut alone = at;
    while alone.per_page > 1 {
        alone = alone.shrunk();
    }
    assert_eq!(alone.place, keyset("c"));
    let past = alone.past_lost();
    assert_eq!(
        (&past.place, past.per_page, past.consumed),
        (&Place::Number(102), 1, 101)
    );
}

#[test]
fn the_next_page_is_what_the_headers_say_and_not_how_full_the_page_is() {
    let at = NextPage::numbered(2, 100);
    for (pairs, rows, expected) in [
        (vec![("x-next-page", "3")], 0, Some(Place::Number(3))),
        (vec![("x-next-page", "")], 100, None),
        (
            vec![
                ("x-next-page", ""),
                ("link", "<https://h/x?page=3>; rel=\"next\""),
            ],
            100,
            None,
        ),
        (
            vec![("link", "<https://evil/x?page=3&per_page=7>; rel=\"next\"")],
            5,
            Some(Place::Number(3)),
        ),
        (
            vec![("link", "<https://h/x?page=1>; rel=\"first\"")],
            100,
            None,
        ),
        (
            vec![("link", "<https://h/x?a=b&cursor=ey%3D%3D>; rel=\"next\"")],
            1,
            Some(keyset("ey==")),
        ),
        (vec![("x-next-cursor", "abc")], 1, Some(keyset("abc"))),
        (vec![], 100, Some(Place::Number(3))),
        (vec![], 99, None),
    ] {
        let found = next_place(&headers(&pairs), &at, rows);
        assert_eq!(found, Ok(expected), "{pairs:?}");
    }
}

#[test]
fn a_list_that_leads_back_is_an_error_and_not_a_loop() {
    let at = NextPage::numbered(3, 100);
    for pairs in [
        [("x-next-page", "3")],
        [("x-next-page", "1")],
        [("x-next-page", "0")],
        [("x-next-page", "-1")],
        [("x-next-page", "next")],
        [("link", "<https://h/x?page=2>; rel=\"next\"")],
        [("link", "<https://h/x>; rel=\"next\"")],
    ] {
        let found = next_place(&headers(&pairs), &at, 100);
        assert!(
            matches!(found, Err(Failure::BadPayload { .. })),
            "{pairs:?}: {found:?}"
        );
    }
    let same = NextPage::first(100, true).after(100, keyset("c"));
    let found = next_place(&headers(&[("x-next-cursor", "c")]), &same, 100);
    assert!(matches!(found, Err(Failure::BadPayload { .. })));
}

#[test]
fn a_full_keyset_page_without_headers_is_followed_by_number() {
    let at = NextPage::first(100, true);
    assert_eq!(
        next_place(&headers(&[]), &at, 100),
        Ok(Some(Place::Number(2)))
    );
    assert_eq!(next_place(&headers(&[]), &at, 99), Ok(None));
}

#[test]
fn the_next_link_is_found_among_the_others() {
    let header = "<https://h/?page=1>; rel=\"prev\", <https://h/?page=3>; rel=\"next\", <https://h/?page=9>; rel=\"last\"";
    assert_eq!(next_link(header), Some("https://h/?page=3"));
    assert_eq!(next_link("<https://h/?page=1>; rel=\"first\""), None);
    assert_eq!(next_link("<unterminated"), None);
    assert_eq!(next_link(""), None);
}
