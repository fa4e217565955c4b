//! Misspellings of every command, flag and value, by fixed classes of slips:
//! the word that was meant is known, so that what is made of it can be judged.

use std::collections::{BTreeMap, HashSet};

use super::*;

/// The figures of it are printed: `cargo test -p lore-client measured -- --nocapture`.
#[test]
fn measured_over_the_whole_tree_nothing_is_read_wrongly() {
    let mut judge = Judge {
        parser: built(),
        tally: BTreeMap::new(),
        prefixed: HashSet::new(),
        wrong: Vec::new(),
    };
    let parser = judge.parser.clone();
    for (path, command) in commands(&parser, "") {
        if facts(&path).is_none() {
            continue;
        }
        let base = base_line(&mut judge.parser, &path, command);
        judge.names(&base, path.split(' ').count());
        let globals = ["status", "sync"].contains(&path.as_str());
        for arg in command.get_arguments() {
            if arg.get_long().is_some() && (globals || !arg.is_global_set()) {
                judge.flag(&base, arg);
            }
        }
    }
    println!(
        "{:<14}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "slip", "lines", "corrected", "refused", "missed", "wrong"
    );
    let mut sum = [0; 5];
    for (class, tally) in &judge.tally {
        println!(
            "{class:<14}{:>10}{:>10}{:>10}{:>10}{:>10}",
            tally[0], tally[1], tally[2], tally[3], tally[4]
        );
        for (sum, tally) in sum.iter_mut().zip(tally) {
            *sum += tally;
        }
    }
    println!(
        "{:<14}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "all", sum[0], sum[1], sum[2], sum[3], sum[4]
    );
    assert_eq!(judge.wrong, Vec::<String>::new());
    assert!(sum[0] > 2_000, "too few lines to mean anything");
    // Of the reads, most slips are seen through.
    assert!(sum[1] > 5 * sum[3], "{sum:?}");
}

/// Lines, then: rightly corrected, rightly refused, refused though it was a
/// read, wrongly corrected.
type Tally = [usize; 5];

struct Judge {
    parser: Command,
    tally: BTreeMap<&'static str, Tally>,
    prefixed: HashSet<(&'static str, Vec<OsString>)>,
    wrong: Vec<String>,
}

impl Judge {
    /// Slips in the command's own words, the first `number` of the line.
    fn names(&mut self, base: &[OsString], number: usize) {
        for place in 1..=number {
            let word = base[place].to_str().unwrap().to_owned();
            for (class, slip) in slips(&word) {
                let mut line = base.to_vec();
                line[place] = slip.into();
                self.judge(class, &line, base, true);
            }
        }
        let name: Vec<&str> = base[1..=number]
            .iter()
            .map(|w| w.to_str().unwrap())
            .collect();
        let mut joined = base[..1].to_vec();
        joined.push(name.concat().replace('-', "").into());
        joined.extend_from_slice(&base[1 + number..]);
        self.judge("joined", &joined, base, true);
        for (alias, path) in aliases::COMMANDS.iter().filter(|(_, path)| *path == name) {
            let mut line = base[..1].to_vec();
            line.push((*alias).into());
            line.extend_from_slice(&base[1 + path.len()..]);
            self.judge("alias", &line, base, true);
        }
    }

    fn flag(&mut self, base: &[OsString], arg: &Arg) {
        let long = arg.get_long().unwrap();
        let Some(truth) = with_flag(&mut self.parser, base, arg) else {
            return;
        };
        let about_output = OUTPUT_FLAGS.contains(&long);
        let place = base.len();
        let mut shapes: Vec<(&'static str, String)> = slips(long)
            .into_iter()
            .map(|(class, slip)| (class, format!("--{slip}")))
            .collect();
        shapes.push(("dash", format!("-{long}")));
        shapes.push(("dash", long.to_owned()));
        let others = aliases::FLAGS.iter().filter(|(_, flag)| *flag == long);
        shapes.extend(others.map(|(alias, _)| ("alias", format!("--{alias}"))));
        for (class, shape) in shapes {
            let mut line = truth.clone();
            line[place] = shape.into();
            self.judge(class, &line, &truth, !about_output);
        }
        for value in arg.get_possible_values() {
            let mut truth = truth.clone();
            let Some(last) = truth.get_mut(place + 1) else {
                continue;
            };
            *last = value.get_name().into();
            for (class, slip) in slips(value.get_name()) {
                let mut line = truth.clone();
                line[place + 1] = slip.into();
                self.judge(class, &line, &truth, !about_output);
            }
        }
    }

    /// A line, and one of each class also behind flags whose value could be
    /// taken for something else.
    fn judge(&mut self, class: &'static str, line: &[OsString], truth: &[OsString], acts: bool) {
        self.judge_line(class, line, truth, acts);
        if self.prefixed.insert((class, truth.to_vec())) {
            for prefix in ["-p=x", "-px", "-p x", "-qp=x", "--project x", "--project=x"] {
                let behind = |line: &[OsString]| {
                    let prefix = prefix.split(' ').map(OsString::from);
                    let mut all = line[..1].to_vec();
                    all.extend(prefix);
                    all.extend_from_slice(&line[1..]);
                    all
                };
                self.judge_line("behind flags", &behind(line), &behind(truth), acts);
            }
        }
    }

    fn judge_line(
        &mut self,
        class: &'static str,
        line: &[OsString],
        truth: &[OsString],
        acts: bool,
    ) {
        // A slip may make a line that has a meaning of its own.
        if line == truth || parses(&mut self.parser, line) {
            return;
        }
        let tally = self.tally.entry(class).or_default();
        tally[0] += 1;
        let may_not = acts && writes(truth);
        match correct(&self.parser, line) {
            Some(Correction::Read { words, .. }) if words == truth && !may_not => tally[1] += 1,
            Some(Correction::Read { words, .. }) => {
                tally[4] += 1;
                self.wrong.push(format!(
                    "{line:?} was read as {words:?}, and meant {truth:?}"
                ));
            }
            _ if may_not => tally[2] += 1,
            _ => tally[3] += 1,
        }
    }
}

fn writes(truth: &[OsString]) -> bool {
    let mut words: Vec<&str> = truth
        .iter()
        .skip(1)
        .filter_map(|word| word.to_str())
        .collect();
    // The flags before the command are those of `judge`.
    let flags = words
        .iter()
        .take_while(|word| word.starts_with('-'))
        .count();
    let value = flags > 0 && ["-p", "--project"].contains(&words[flags - 1]);
    words.drain(..flags + usize::from(value));
    let name = |n: usize| words.get(..n).map(|words| words.join(" "));
    let facts = [2, 1].into_iter().find_map(|n| facts(&name(n)?)).unwrap();
    let flags = || words.iter().filter_map(|word| word.strip_prefix("--"));
    facts.effect == Effect::Write || flags().any(|flag| facts.writing_flags.contains(&flag))
}

/// Every slip of every class in one word.
fn slips(word: &str) -> Vec<(&'static str, String)> {
    let letters: Vec<char> = word.chars().collect();
    let mut slips = vec![("case", word.to_uppercase()), ("case", title(word))];
    if word.contains('-') {
        slips.push(("separator", word.replace('-', "_")));
        slips.push(("separator", word.replace('-', "")));
    }
    for i in 0..letters.len() {
        let with = |change: &dyn Fn(&mut Vec<char>)| {
            let mut letters = letters.clone();
            change(&mut letters);
            letters.into_iter().collect::<String>()
        };
        slips.push((
            "omission",
            with(&|l| {
                l.remove(i);
            }),
        ));
        slips.push(("doubling", with(&|l| l.insert(i, l[i]))));
        if i + 1 < letters.len() {
            slips.push(("transposition", with(&|l| l.swap(i, i + 1))));
        }
        for beside in neighbours(letters[i]) {
            slips.push(("neighbour", with(&|l| l[i] = beside)));
        }
    }
    slips
}

fn title(word: &str) -> String {
    let parts = word
        .split('-')
        .map(|part| part[..1].to_uppercase() + &part[1..]);
    parts.collect::<Vec<_>>().join("-")
}

/// The keys to the left and to the right of a letter.
fn neighbours(letter: char) -> Vec<char> {
    let rows = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];
    let row = rows.iter().find(|row| row.contains(letter));
    let Some((row, at)) = row.and_then(|row| Some((row, row.find(letter)?))) else {
        return Vec::new();
    };
    let left = at.checked_sub(1).and_then(|at| row.chars().nth(at));
    left.into_iter().chain(row.chars().nth(at + 1)).collect()
}

/// The shortest line of the help that is this very command without flags, else
/// its name.
fn base_line(parser: &mut Command, path: &str, command: &Command) -> Vec<OsString> {
    let plain = words(&format!("lore {path}"));
    let mut lines = vec![plain.clone()];
    let arguments = examples(command).into_iter().map(|line| words(&line));
    lines.extend(arguments.filter(|line| line.starts_with(&plain)));
    lines.sort_by_key(Vec::len);
    let found = lines.into_iter().find(|line| parses(parser, line));
    found.unwrap_or_else(|| panic!("`{path}` shows no example that parses"))
}

/// The line with one more flag, and a value that it takes.
fn with_flag(parser: &mut Command, base: &[OsString], arg: &Arg) -> Option<Vec<OsString>> {
    let mut line = base.to_vec();
    line.push(format!("--{}", arg.get_long()?).into());
    if !arg.get_action().takes_values() {
        if parses(parser, &line) {
            return Some(line);
        }
        // It may need the one that names what it acts on.
        line.extend(["--run-id", "x"].map(OsString::from));
        return parses(parser, &line).then_some(line);
    }
    let known = arg.get_possible_values();
    let known = known.iter().map(|value| value.get_name().to_owned());
    let tried = ["5", "x", "1d", "https://h/g/p/-/issues/1"].map(str::to_owned);
    known.chain(tried).find_map(|value| {
        let mut line = line.clone();
        line.push(value.into());
        parses(parser, &line).then_some(line)
    })
}
