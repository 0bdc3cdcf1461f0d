//! Tests of the checker: a correct model has no violations; each bug of the model and each modification of a
//! correct history violates the expected rule.

mod account;
mod broken;
mod correct;
mod corrupt;
mod model;
mod run;
mod sealed;
mod text;
mod watches;
