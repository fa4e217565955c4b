//! Questions on a terminal. Each has a flag that answers it.

use std::io::{self, BufRead, Write};

use lore_proto::setup::{Secret, TokenSource};
use lore_proto::{ErrorCode, WireError};

use crate::failure::Failure;
use crate::output::sanitise;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// Asks a question and reads what is typed without showing it.
type Hidden = Box<dyn Fn(&str) -> io::Result<String>>;

/// Asks on stderr and reads from stdin, so that stdout stays clean.
pub(super) struct Conversation {
    input: Box<dyn BufRead>,
    output: Box<dyn Write>,
    hidden: Hidden,
}

impl Conversation {
    /// With the person at the terminal.
    pub(super) fn on_terminal() -> Self {
        Self {
            input: Box::new(io::stdin().lock()),
            output: Box::new(io::stderr()),
            hidden: Box::new(|question| rpassword::prompt_password(question)),
        }
    }

    /// An answer that is not empty; Enter alone takes the proposal.
    pub(super) fn ask(
        &mut self,
        question: &str,
        proposal: Option<&str>,
    ) -> Result<String, Failure> {
        let hint = proposal.map_or_else(String::new, |p| format!(" [{}]", sanitise::line(p)));
        loop {
            let answer = self.read(&format!("{question}{hint}: "))?;
            match (answer.as_str(), proposal) {
                ("", Some(proposal)) => return Ok(proposal.to_owned()),
                ("", None) => {}
                _ => return Ok(answer),
            }
        }
    }

    /// Yes or no.
    pub(super) fn confirm(&mut self, question: &str, proposal: bool) -> Result<bool, Failure> {
        let hint = if proposal { "[Y/n]" } else { "[y/N]" };
        let question = sanitise::line(question).into_owned();
        loop {
            let answer = self.read(&format!("{question} {hint} "))?;
            match answer.to_ascii_lowercase().as_str() {
                "" => return Ok(proposal),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => {}
            }
        }
    }

    /// A token, typed unseen; nothing means what the daemon finds: one that is
    /// kept, what the config names, `GITLAB_TOKEN`, glab's login, `.netrc`.
    pub(super) fn token(&mut self, host: &str) -> Result<Option<TokenSource>, Failure> {
        let question = format!(
            "Token for {} with scope read_api (unseen; Enter alone uses what is there already): ",
            sanitise::line(host)
        );
        let token =
            (self.hidden)(&question).map_err(|error| Failure::io("reading the token", &error))?;
        let token = token.trim();
        Ok((!token.is_empty()).then(|| TokenSource::Value(Secret::new(token))))
    }

    fn read(&mut self, question: &str) -> Result<String, Failure> {
        self.output
            .write_all(question.as_bytes())
            .and_then(|()| self.output.flush())
            .map_err(|error| Failure::io("asking a question", &error))?;
        let mut answer = Vec::new();
        let count = io::Read::take(&mut self.input, MAX_ANSWER)
            .read_until(b'\n', &mut answer)
            .map_err(|error| Failure::io("reading an answer", &error))?;
        if count == 0 {
            return Err(Failure::Error(WireError::new(
                ErrorCode::Cancelled,
                "stdin ended before all questions were answered; nothing was written",
            )));
        }
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answering(answers: &'static str, hidden: &'static str) -> Conversation {
        Conversation {
            input: Box::new(answers.as_bytes()),
            output: Box::new(io::sink()),
            hidden: Box::new(move |_| Ok(hidden.to_owned())),
        }
    }

    #[test]
    fn enter_takes_the_proposal_and_no_proposal_asks_again() {
        let mut talk = answering("\n\nsecond\n", "");
        assert_eq!(talk.ask("Host", Some("h")).unwrap(), "h");
        assert_eq!(talk.ask("Host", None).unwrap(), "second");
    }

    #[test]
    fn a_question_is_asked_until_the_answer_is_yes_or_no() {
        let mut talk = answering("maybe\nNO\n\n", "");
        assert!(!talk.confirm("?", true).unwrap());
        assert!(talk.confirm("?", true).unwrap());
    }

    #[test]
    fn the_end_of_input_ends_the_conversation() {
        match answering("", "").confirm("?", true) {
            Err(Failure::Error(error)) => assert_eq!(error.code, ErrorCode::Cancelled),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_is_kept_as_a_secret_and_none_is_none() {
        let token = answering("", " glpat-1 \n").token("h").unwrap();
        assert_eq!(token, Some(TokenSource::Value(Secret::new("glpat-1"))));
        assert!(!format!("{token:?}").contains("glpat-1"));
        assert_eq!(answering("", "\n").token("h").unwrap(), None);
    }
}
