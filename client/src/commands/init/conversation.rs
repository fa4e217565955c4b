//! Questions on a terminal. Each has a flag that answers it.

use std::io::{self, Write};

use lore_proto::setup::Secret;
use lore_proto::{ErrorCode, WireError};

use crate::failure::Failure;
use crate::keyboard::{self, Typed};
use crate::output::{View, sanitise};

/// Asks by a question and gives what was typed, which is shown where the second
/// argument is true.
type Asks = Box<dyn FnMut(&str, bool) -> io::Result<Typed>>;

/// Speaks on stderr and reads from stdin, so that stdout stays clean.
pub(super) struct Conversation {
    asks: Asks,
    says: Box<dyn Write>,
    /// How to write for the person.
    pub(super) view: View,
}

/// An answer about a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AboutToken {
    /// This one.
    Typed(Secret),
    /// The page on which one is made is wished.
    OpenPage,
    /// Enter alone.
    Nothing,
}

impl Conversation {
    /// With the person at the terminal.
    pub(super) fn on_terminal(view: View) -> Self {
        Self {
            asks: Box::new(|question, shown| {
                keyboard::line(shown, || {
                    let mut stderr = io::stderr().lock();
                    stderr.write_all(question.as_bytes())?;
                    stderr.flush()
                })
            }),
            says: Box::new(io::stderr()),
            view,
        }
    }

    /// Says something. Text from outside has been made safe by whoever put it
    /// in.
    pub(super) fn say(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.says, "{}", text.trim_end_matches('\n'))
            .and_then(|()| self.says.flush())
            .map_err(|error| Failure::io("writing to the terminal", &error))
    }

    /// An answer that is not empty; Enter alone takes the proposal.
    pub(super) fn ask(
        &mut self,
        question: &str,
        proposal: Option<&str>,
    ) -> Result<String, Failure> {
        let hint = proposal.map_or_else(String::new, |p| format!(" [{}]", sanitise::line(p)));
        loop {
            let answer = self.read(&format!("{question}{hint}: "), true)?;
            match (answer.as_str(), proposal) {
                ("", Some(proposal)) => return Ok(proposal.to_owned()),
                ("", None) => {}
                _ => return Ok(answer),
            }
        }
    }

    /// An answer that may be empty.
    pub(super) fn ask_freely(&mut self, question: &str) -> Result<String, Failure> {
        self.read(&format!("{question}: "), true)
    }

    /// Yes or no.
    pub(super) fn confirm(&mut self, question: &str, proposal: bool) -> Result<bool, Failure> {
        let hint = if proposal { "[Y/n]" } else { "[y/N]" };
        let question = sanitise::line(question).into_owned();
        loop {
            let answer = self.read(&format!("{question} {hint} "), true)?;
            match answer.to_ascii_lowercase().as_str() {
                "" => return Ok(proposal),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => {}
            }
        }
    }

    /// A token, typed unseen; `o` means that its page be opened.
    pub(super) fn token(&mut self, question: &str) -> Result<AboutToken, Failure> {
        loop {
            let answer = self.read(&format!("{question}: "), false)?;
            if answer.is_empty() {
                return Ok(AboutToken::Nothing);
            }
            if answer.eq_ignore_ascii_case("o") {
                return Ok(AboutToken::OpenPage);
            }
            if answer.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Ok(AboutToken::Typed(Secret::new(answer)));
            }
            self.say("That is no token: it has blanks or other odd characters.")?;
        }
    }

    fn read(&mut self, question: &str, shown: bool) -> Result<String, Failure> {
        let question = format!("{} ", question.trim_end());
        let typed = (self.asks)(&question, shown)
            .map_err(|error| Failure::io("reading an answer", &error))?;
        match typed {
            Typed::Line(answer) => Ok(answer),
            Typed::Ended => {
                // The question's line is still open.
                self.say("")?;
                Err(cancelled())
            }
        }
    }
}

/// Somebody ended the conversation.
pub(super) fn cancelled() -> Failure {
    Failure::Error(WireError::new(ErrorCode::Cancelled, "nothing was written"))
}

/// Whether somebody ended the conversation.
pub(super) fn is_cancelled(failure: &Failure) -> bool {
    matches!(failure, Failure::Error(error) if error.code == ErrorCode::Cancelled)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A person who types these lines and then Ctrl+D.
    pub(in crate::commands::init) fn answering(answers: &'static str) -> Conversation {
        let mut answers = answers.lines();
        Conversation {
            asks: Box::new(move |_, _| {
                let line = answers.next().map(|line| Typed::Line(line.to_owned()));
                Ok(line.unwrap_or(Typed::Ended))
            }),
            says: Box::new(io::sink()),
            view: View::plain("2026-06-15T12:00:00Z"),
        }
    }

    /// What was said.
    #[derive(Clone, Default)]
    pub(in crate::commands::init) struct Said(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

    impl Said {
        pub(in crate::commands::init) fn text(&self) -> String {
            String::from_utf8(self.0.borrow().clone()).unwrap()
        }
    }

    impl Write for Said {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Conversation {
        /// What is said from here on.
        pub(in crate::commands::init) fn listen(&mut self) -> Said {
            let said = Said::default();
            self.says = Box::new(said.clone());
            said
        }
    }

    #[test]
    fn enter_takes_the_proposal_and_no_proposal_asks_again() {
        let mut talk = answering("\n\nsecond\n");
        assert_eq!(talk.ask("Host", Some("h")).unwrap(), "h");
        assert_eq!(talk.ask("Host", None).unwrap(), "second");
    }

    #[test]
    fn a_question_is_asked_until_the_answer_is_yes_or_no() {
        let mut talk = answering("maybe\nNO\n\n");
        assert!(!talk.confirm("?", true).unwrap());
        assert!(talk.confirm("?", true).unwrap());
    }

    #[test]
    fn the_end_of_input_ends_the_conversation() {
        let ended = answering("").confirm("?", true).unwrap_err();
        assert!(is_cancelled(&ended));
    }

    #[test]
    fn a_token_is_kept_as_a_secret_and_an_o_opens_its_page() {
        let mut talk = answering("two words\nglpat-1\nO\n\n");
        let token = talk.token("Token").unwrap();
        assert_eq!(token, AboutToken::Typed(Secret::new("glpat-1")));
        assert!(!format!("{token:?}").contains("glpat-1"));
        assert_eq!(talk.token("Token").unwrap(), AboutToken::OpenPage);
        assert_eq!(talk.token("Token").unwrap(), AboutToken::Nothing);
    }
}
