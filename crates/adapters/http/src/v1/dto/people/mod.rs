//! Bodies of users, roles, groups and organisations.

pub(in crate::v1) mod account;
pub(in crate::v1) mod audit;
pub(in crate::v1) mod auth;
pub(in crate::v1) mod group;
pub(in crate::v1) mod member;
pub(in crate::v1) mod role;
pub(in crate::v1) mod user;

use super::invalid;
use crate::problem::Problem;
use domain::{Email, KeyLabel};

/// Parses an email address.
fn email(text: &str) -> Result<Email, Problem> {
    Email::from_input(text).map_err(|error| invalid("email", &error.to_string()))
}

fn label(text: &str) -> Result<KeyLabel, Problem> {
    Ok(KeyLabel::parse(text)?)
}
