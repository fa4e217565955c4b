//! Whole behaviours, through real HTTP and a real database.

mod absence;
mod checker;
mod economy;
mod equality;
mod faults;
mod gitlab_client;
mod installations;
mod refusals;
mod settling;
mod support;
mod surgical;
mod sweep;
mod walks;
