//! What a person sees of a text.

use super::*;

const NOW: &str = "2026-01-01T00:00:00Z";

fn plain(source: &str, width: usize) -> String {
    render(source, Some(width), &View::plain(NOW)).join("\n")
}

#[test]
fn blocks_keep_their_shape() {
    let source = "# Title\n\nOne *two* **three** `four` five six seven.\n\n- a\n- b\n  1. c\n  2. d\n\n\
                  > quoted\n> words\n\n```rust\nfn main() {}\n\tlet x;\n```\n\n- [x] done\n- [ ] open\n\n---\nend";
    assert_eq!(
        plain(source, 30),
        "\
# Title

One two three `four` five six
seven.

• a
• b
  1. c
  2. d

│ quoted words

    [rust]
    fn main() {}
        let x;

• [x] done
• [ ] open

──────────────────────────────

end"
    );
}

#[test]
fn a_table_fits_and_links_are_told() {
    let source = "| name | n |\n|:--|--:|\n| a rather long name | 1 |\n| b | 23 |\n\n[docs](https://h/d) ![x](y.png) <https://h/>";
    assert_eq!(
        plain(source, 40),
        "\
name               │  n
───────────────────┼───
a rather long name │  1
b                  │ 23

docs (https://h/d) [image: x] (y.png)
https://h/"
    );
    assert!(
        plain(source, 16).contains("a rat…"),
        "{}",
        plain(source, 16)
    );
}

#[test]
fn markup_of_html_goes_and_what_only_looks_like_it_stays() {
    let source = "<details>\n<summary>Log</summary>\n\nline<br>next Vec<String> a < b\n\n</details>\n<!-- a\ntemplate -->";
    assert_eq!(plain(source, 60), "Log\n\nline\nnext Vec<String> a < b");
}

#[test]
fn entities_cannot_smuggle_what_a_terminal_obeys() {
    let source = "\u{1b}[31mplain\u{1b}[0m &#27;[31mred &#x202e;x &#7; `a\u{1b}]0;t\u{7}b`\n\n[t](https://h/&#27;[2J)\n\n\
                  ```\n\u{1b}[2Jcode\n```\n\n| \u{9b}31mcell |\n|---|\n";
    let view = View {
        links: true,
        ..View::plain(NOW)
    };
    for page in [plain(source, 80), render(source, None, &view).join("\n")] {
        assert!(!page.contains('\u{1b}'), "{page:?}");
        assert!(!page.contains(['\u{9b}', '\u{202e}', '\u{7}']), "{page:?}");
        assert!(page.starts_with("plain "), "{page:?}");
        assert!(page.contains("red") && page.contains("code") && page.contains("cell"));
    }
}

#[test]
fn deep_nesting_and_odd_ends_do_not_break_it() {
    let source = format!("{}x\n\n{}", "> ".repeat(200), "- ".repeat(200));
    assert!(plain(&source, 20).contains('x'));
    assert_eq!(plain("", 20), "");
    assert_eq!(plain("<!-- never closed", 20), "");
}
