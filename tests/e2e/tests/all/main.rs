//! Whole behaviours, through real HTTP and a real database.

mod checker;
mod equality;
mod gitlab_client;
