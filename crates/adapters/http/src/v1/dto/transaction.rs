//! Bodies of transactions.

use super::config::BindingField;
use super::invalid;
use crate::problem::Problem;
use application::{Step, Transacted, compact};
use domain::limits::DOCUMENT_BYTES_MAX;
use domain::{ChangeKind, ConfigId, ConfigKey, EnvironmentName, Precondition, ProjectName, Version};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::fmt;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};

/// Several changes to be made as one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "operations": [
        {"op": "check", "environment": "default", "key": "checkout.flags", "expected_version": 3},
        {"op": "put", "environment": "default", "key": "checkout.limits", "content": {"max_items": 20},
            "expected_version": 4},
        {"op": "delete", "environment": "default", "key": "checkout.old", "expected_version": 1}
    ],
    "message": "one release"
}))]
pub(crate) struct TransactionBody<'a> {
    /// 1 to 128 operations, each on another config. All of them see the state before the transaction.
    #[serde(borrow)]
    #[schema(min_items = 1, max_items = 128)]
    pub(crate) operations: Vec<OperationBody<'a>>,
    /// Why, at most 1000 bytes.
    #[schema(max_length = 1000, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    pub(crate) message: Option<String>,
}

/// What an operation does.
#[derive(Clone, Copy, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OperationName {
    /// Changes nothing; the transaction is refused unless the config has the expected version.
    Check,
    /// Writes a whole document.
    Put,
    /// Deletes a config.
    Delete,
}

/// One operation of a transaction.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationBody<'a> {
    /// What it does.
    op: OperationName,
    /// The environment that holds the config.
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    environment: String,
    /// The config's key.
    #[schema(
        max_length = 255,
        pattern = "^[A-Za-z0-9]([A-Za-z0-9._:@+~-]*[A-Za-z0-9])?(/[A-Za-z0-9]([A-Za-z0-9._:@+~-]*[A-Za-z0-9])?)*$"
    )]
    key: String,
    /// The version that the config must have; 0: it must not exist; `"any"`: any state is fine, for `put` and
    /// `delete`.
    #[schema(schema_with = expected_version)]
    expected_version: ExpectedVersion,
    /// The document, for `put` only.
    #[serde(borrow, default, deserialize_with = "given")]
    #[schema(value_type = Option<serde_json::Value>)]
    content: Option<&'a RawValue>,
    /// For `put` only: the schema that the document is held to from now on. Leaving it out keeps the present
    /// one, `null` removes it.
    #[serde(default)]
    #[schema(value_type = Option<super::config::BindingBody>)]
    schema: BindingField,
}

/// The precondition of a step.
enum ExpectedVersion {
    Number(u64),
    Any,
}

impl<'de> Deserialize<'de> for ExpectedVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = ExpectedVersion;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a version, or \"any\"")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<ExpectedVersion, E> {
                Ok(ExpectedVersion::Number(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ExpectedVersion, E> {
                let any = (text == "any").then_some(ExpectedVersion::Any);
                any.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

fn expected_version() -> Schema {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    let any = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["any"]));
    let description = "The version that the config must have; 0: it must not exist; `\"any\"`: any state is fine, \
                       for `put` and `delete`.";
    let one = OneOfBuilder::new().item(number.maximum(Some(i64::MAX)).build()).item(any.build());
    Schema::OneOf(one.description(Some(description)).build())
}

/// Deserializes a present member, also `null`.
fn given<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl OperationBody<'_> {
    /// The step; `number` is its index, from 0.
    pub(crate) fn step(self, number: usize, project: &ProjectName) -> Result<Step, Problem> {
        let at = |problem: Problem| problem.with("operation", number);
        let field = |name: &str| format!("operations[{number}].{name}");
        let id = ConfigId {
            project: project.clone(),
            environment: EnvironmentName::parse(&self.environment).map_err(|error| at(error.into()))?,
            key: ConfigKey::parse(&self.key).map_err(|error| at(error.into()))?,
        };
        let expected = match (&self.expected_version, self.op) {
            (ExpectedVersion::Number(0), _) => Precondition::Absent,
            (ExpectedVersion::Number(version), _) => Precondition::Version(Version(*version)),
            (ExpectedVersion::Any, OperationName::Put) => Precondition::Any,
            (ExpectedVersion::Any, OperationName::Delete) => Precondition::Present,
            (ExpectedVersion::Any, OperationName::Check) => {
                return Err(at(invalid(field("expected_version"), "must be a version to check")));
            }
        };
        if self.op != OperationName::Put {
            if self.content.is_some() {
                return Err(at(invalid(field("content"), "is for put only")));
            }
            if !matches!(self.schema, BindingField::Missing) {
                return Err(at(invalid(field("schema"), "is for put only")));
            }
        }
        Ok(match self.op {
            OperationName::Check => Step::Check { id, expected },
            OperationName::Delete if expected == Precondition::Absent => {
                return Err(at(invalid(field("expected_version"), "must be at least 1 to delete")));
            }
            OperationName::Delete => Step::Delete { id, expected },
            OperationName::Put => {
                let text = self.content.ok_or_else(|| at(invalid(field("content"), "is missing")))?;
                let content = compact("content", text.get(), DOCUMENT_BYTES_MAX);
                Step::Put {
                    id,
                    content: content.map_err(|fault| at(fault.into()))?,
                    binding: self.schema.change().map_err(at)?,
                    expected,
                    kind: ChangeKind::Update,
                }
            }
        })
    }
}

/// An environment to be made what it was.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to_revision": 1040, "message": "back to before the release"}))]
pub(crate) struct EnvironmentRollback {
    /// The revision that left the environment as it shall be.
    #[schema(minimum = 0, maximum = 9_223_372_036_854_775_807_i64)]
    pub(crate) to_revision: u64,
    /// Why, at most 1000 bytes.
    #[schema(max_length = 1000, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    pub(crate) message: Option<String>,
}

/// What a transaction left behind.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"revision": 1043, "results": [
    {"op": "check", "environment": "default", "key": "checkout.flags", "version": 3},
    {"op": "put", "environment": "default", "key": "checkout.limits", "version": 5},
    {"op": "delete", "environment": "default", "key": "checkout.old", "version": 2}
]}))]
pub(crate) struct TransactionAnswer<'a> {
    /// The revision of all its changes; the present one when it only checked.
    revision: u64,
    /// One for each operation, in order.
    results: Vec<ResultBody<'a>>,
}

/// What an operation left behind.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResultBody<'a> {
    /// What it did.
    op: &'static str,
    /// The environment that holds the config.
    environment: &'a str,
    /// The config's key.
    key: &'a str,
    /// Its version afterwards; for `delete` that of the deletion; 0 when it does not exist.
    version: u64,
    /// `true`: the document was the same already, bound alike, and the config keeps its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    unchanged: Option<bool>,
}

impl<'a> TransactionAnswer<'a> {
    pub(crate) fn new(revision: u64, transacted: &'a Transacted) -> Self {
        let result = |result: &'a application::StepResult| ResultBody {
            op: result.step,
            environment: result.id.environment.as_str(),
            key: result.id.key.as_str(),
            version: result.version.0,
            unchanged: result.unchanged.then_some(true),
        };
        Self { revision, results: transacted.results.iter().map(result).collect() }
    }
}
