//! The one room that writes to stdout and stderr.
//!
//! stdout carries what was asked for and nothing else; everything that is said
//! about it goes to stderr. Text from GitLab passes [`sanitise`] on its way to
//! a person, whoever wrote it.

pub(crate) mod flow;
pub(crate) mod markdown;
mod page;
mod pager;
pub(crate) mod paint;
mod printer;
pub(crate) mod robot;
pub(crate) mod sanitise;
pub(crate) mod table;
mod terminal;
pub(crate) mod text;
pub(crate) mod time;
mod view;

pub(crate) use page::Page;
pub(crate) use printer::Printer;
pub(crate) use robot::Reply;
pub(crate) use terminal::{ColorChoice, Terminal};
pub(crate) use view::{View, is_plain_web_address};
