//! Limits of an offered schema as JSON: size, nesting, number of values.

use crate::value::{Json, Unreadable};
use domain::Content;
use domain::limits::{NESTING_MAX, SCHEMA_BYTES_MAX, SCHEMA_NODES_MAX};

/// Parses a schema within the limits and deducts the number of its values from `left`.
pub(crate) fn parse(schema: &Content, left: &mut usize) -> Result<Json, String> {
    let bytes = schema.as_str().len();
    if bytes > SCHEMA_BYTES_MAX {
        let message = format!("the schema has {bytes} bytes, at most {SCHEMA_BYTES_MAX} are allowed");
        return Err(message);
    }
    let value = Json::read(schema.as_str()).map_err(|error| match error {
        Unreadable::NotJson(error) => format!("the schema is not JSON: {error}"),
        Unreadable::Number(pointer, error) => format!("at {pointer}: {error}"),
    })?;
    let mut open = vec![(&value, 1_usize)];
    while let Some((value, depth)) = open.pop() {
        let container = matches!(value, Json::Array(_) | Json::Object(_));
        if container && depth > NESTING_MAX {
            let message = format!("the schema is nested deeper than {NESTING_MAX} levels");
            return Err(message);
        }
        *left = left.checked_sub(1).ok_or_else(|| {
            format!("the schema has more than {SCHEMA_NODES_MAX} values, with those that it uses")
        })?;
        match value {
            Json::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Json::Object(members) => open.extend(members.iter().map(|(_, member)| (member, depth + 1))),
            _ => {}
        }
    }
    Ok(value)
}
