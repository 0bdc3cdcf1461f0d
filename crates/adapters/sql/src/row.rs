//! Rows of either database. Values are validated like any other external input.

use crate::error::SqlError;
use domain::{Digest, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

/// A row of either database.
pub(crate) enum Row {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

impl Row {
    /// The value of a column: `i64`, `bool`, `String`, `Vec<u8>`, or an `Option` of one of these.
    pub(crate) fn get<T>(&self, column: &str) -> Result<T, SqlError>
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
    {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => row.try_get(column),
        }
        .map_err(SqlError::from)
    }

    /// A text.
    pub(crate) fn text(&self, column: &str) -> Result<String, SqlError> {
        self.get(column)
    }

    /// A validated name.
    pub(crate) fn parsed<T, E>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, SqlError> {
        parse(&self.text(column)?).map_err(|_| SqlError::corrupt(column))
    }

    /// A validated name, or `NULL`.
    pub(crate) fn parsed_option<T, E>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, SqlError> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| parse(&text).map_err(|_| SqlError::corrupt(column))).transpose()
    }

    /// A time.
    pub(crate) fn time(&self, column: &str) -> Result<Timestamp, SqlError> {
        self.get(column).map(Timestamp)
    }

    /// A count, which is never negative.
    pub(crate) fn count<T: TryFrom<i64>>(&self, column: &str) -> Result<T, SqlError> {
        T::try_from(self.get::<i64>(column)?).map_err(|_| SqlError::corrupt(column))
    }

    /// A digest.
    pub(crate) fn digest(&self, column: &str) -> Result<Digest, SqlError> {
        let bytes: Vec<u8> = self.get(column)?;
        bytes.try_into().map(Digest).map_err(|_| SqlError::corrupt(column))
    }
}
