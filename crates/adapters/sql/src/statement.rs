//! Statements and their values.

use domain::{Digest, Timestamp};

/// A statement in both dialects, which are mostly equal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
}

impl From<&'static str> for Statement {
    fn from(both: &'static str) -> Self {
        Self { postgres: both, sqlite: both }
    }
}

/// A `SELECT` that locks its rows until the transaction ends. Not needed in SQLite, which has one writer at a
/// time.
macro_rules! for_update {
    ($select:literal) => {
        $crate::statement::Statement { postgres: concat!($select, " FOR UPDATE"), sqlite: $select }
    };
}

/// Values for the parameters `$1`, `$2`, … of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::statement::Value::from($value)),*] };
}

pub(crate) use {for_update, values};

/// A value of a parameter. Only these types are bound, because both databases treat them alike.
#[derive(Clone)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
    Flag(bool),
}

/// Binds values to a query of either database.
macro_rules! bind_all {
    ($query:expr, $values:expr) => {
        $values.iter().fold($query, |query, value| match value {
            $crate::statement::Value::Int(value) => query.bind(*value),
            $crate::statement::Value::Text(value) => query.bind(value.clone()),
            $crate::statement::Value::Bytes(value) => query.bind(value.clone()),
            $crate::statement::Value::Flag(value) => query.bind(*value),
        })
    };
}

pub(crate) use bind_all;

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(Some(value.into()))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(Some(value.0))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Digest> for Value {
    fn from(value: Digest) -> Self {
        Self::Bytes(value.0.to_vec())
    }
}

/// Converts a count to the integer type of both databases; saturates at its maximum.
pub(crate) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
