//! The lines of export files, and the report of an import. Documents are passed unchanged, byte for byte.

use super::schema::ModeBody;
use super::{invalid, raw};
use crate::openapi::{FailureBody, ViolationBody};
use crate::problem::{Code, Problem};
use crate::strict;
use application::{
    ConfigRecord, Counts, ExportHeader, ExportLine, ImportMode, ImportReport, Record, SchemaRecord, Totals,
    compact,
};
use domain::limits::{DOCUMENT_BYTES_MAX, SCHEMA_BYTES_MAX};
use domain::{Binding, ConfigKey, EnvironmentName, ProjectName, Revision, SchemaName, SchemaVersion};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use utoipa::ToSchema;

/// The supported version of the file format.
const FORMAT: u32 = 1;

/// One line of a file: an object with one member, which says what the line is.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = json!({"config": {"environment": "default", "key": "checkout.limits",
    "schema": {"name": "limits"}, "content": {"max_items": 20}}}))]
pub(crate) enum Line<'a> {
    /// What the file is; the first line.
    Export(#[serde(borrow)] HeaderLine<'a>),
    /// An environment.
    Environment(#[serde(borrow)] EnvironmentLine<'a>),
    /// One version of a schema; those of a schema follow each other, the oldest first.
    Schema(#[serde(borrow)] SchemaLine<'a>),
    /// A config.
    Config(#[serde(borrow)] ConfigLine<'a>),
    /// How many lines of each kind there were; the last line.
    End(EndLine),
}

/// What a file is.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderLine<'a> {
    /// The version of the file format: 1.
    #[schema(minimum = 1, maximum = 1)]
    format: u32,
    /// The project that it was taken out of.
    #[serde(borrow)]
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    project: Cow<'a, str>,
    /// The environment that it was taken out of; not there for a whole project.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    environment: Option<Cow<'a, str>>,
    /// The revision of the state that it shows.
    #[serde(default)]
    revision: u64,
}

/// An environment of a file.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentLine<'a> {
    /// Its name.
    #[serde(borrow)]
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    name: Cow<'a, str>,
}

/// One version of a schema of a file.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemaLine<'a> {
    /// The schema's name.
    #[serde(borrow)]
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")]
    name: Cow<'a, str>,
    /// The number that configs of the file are pinned by. Where the version is brought in it may get another.
    #[schema(minimum = 1)]
    version: u64,
    /// How later versions treat documents.
    mode: ModeBody,
    /// The JSON Schema itself.
    #[serde(borrow)]
    #[schema(value_type = serde_json::Value)]
    schema: &'a RawValue,
    /// Whether this is the schema's newest version. When left out, it is unless the next line is another
    /// version of the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<bool>,
}

/// A config of a file.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigLine<'a> {
    /// The environment that holds it.
    #[serde(borrow)]
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    environment: Cow<'a, str>,
    /// Its key.
    #[serde(borrow)]
    #[schema(
        max_length = 255,
        pattern = "^[A-Za-z0-9]([A-Za-z0-9._:@+~-]*[A-Za-z0-9])?(/[A-Za-z0-9]([A-Za-z0-9._:@+~-]*[A-Za-z0-9])?)*$"
    )]
    key: Cow<'a, str>,
    /// The schema it is held to, or `null`.
    #[serde(borrow, default)]
    schema: Option<BindingLine<'a>>,
    /// The document.
    #[serde(borrow)]
    #[schema(value_type = serde_json::Value)]
    content: &'a RawValue,
}

/// The schema that a config of a file is held to.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BindingLine<'a> {
    /// The schema's name.
    #[serde(borrow)]
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")]
    name: Cow<'a, str>,
    /// The version it stays at, by the number in the file; not there when it follows the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    version: Option<u64>,
}

/// How many lines of each kind a file has.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndLine {
    /// Environments.
    environments: u64,
    /// Versions of schemas.
    schemas: u64,
    /// Configs.
    configs: u64,
}

/// The content of a line.
pub(crate) enum Item {
    Header(ExportHeader),
    Record(Record),
    End(Totals),
}

impl<'a> Line<'a> {
    /// Appends an item of an export as a line.
    pub(crate) fn write(out: &mut Vec<u8>, item: &ExportLine) -> Result<(), Problem> {
        serde_json::to_writer(&mut *out, &Line::from_item(item)?).map_err(Problem::internal)?;
        out.push(b'\n');
        Ok(())
    }

    fn from_item(item: &'a ExportLine) -> Result<Self, Problem> {
        Ok(match item {
            ExportLine::Header(header) => Self::Export(HeaderLine {
                format: FORMAT,
                project: header.project.as_str().into(),
                environment: header.environment.as_ref().map(|name| name.as_str().into()),
                revision: header.revision.0,
            }),
            ExportLine::Record(Record::Environment(name)) => {
                Self::Environment(EnvironmentLine { name: name.as_str().into() })
            }
            ExportLine::Record(Record::Schema(record)) => Self::Schema(SchemaLine {
                name: record.name.as_str().into(),
                version: record.version.0,
                mode: record.mode.into(),
                schema: raw(&record.schema)?,
                newest: record.newest,
            }),
            ExportLine::Record(Record::Config(record)) => Self::Config(ConfigLine {
                environment: record.environment.as_str().into(),
                key: record.key.as_str().into(),
                schema: record.binding.as_ref().map(|binding| BindingLine {
                    name: binding.schema.as_str().into(),
                    version: binding.pinned.map(|version| version.0),
                }),
                content: raw(&record.content)?,
            }),
            ExportLine::End(totals) => Self::End(EndLine {
                environments: totals.environments,
                schemas: totals.schemas,
                configs: totals.configs,
            }),
        })
    }

    /// Parses a line of a file.
    pub(crate) fn read(text: &'a [u8]) -> Result<Item, Problem> {
        let line: Self = strict::from_slice(text).map_err(|error| {
            let code = if error.is_data() { Code::InvalidBody } else { Code::InvalidJson };
            Problem::new(code, error.to_string())
        })?;
        Ok(match line {
            Self::Export(header) if header.format != FORMAT => {
                return Err(invalid("export.format", &format!("must be {FORMAT}")));
            }
            Self::Export(header) => Item::Header(ExportHeader {
                project: ProjectName::parse(&header.project)?,
                environment: header.environment.map(|name| EnvironmentName::parse(&name)).transpose()?,
                revision: Revision(header.revision),
            }),
            Self::Environment(line) => Item::Record(Record::Environment(EnvironmentName::parse(&line.name)?)),
            Self::Schema(line) => Item::Record(Record::Schema(SchemaRecord {
                name: SchemaName::parse(&line.name)?,
                version: numbered(line.version)?,
                mode: line.mode.into(),
                schema: compact("schema", line.schema.get(), SCHEMA_BYTES_MAX)?,
                newest: line.newest,
            })),
            Self::Config(line) => Item::Record(Record::Config(ConfigRecord {
                environment: EnvironmentName::parse(&line.environment)?,
                key: ConfigKey::parse(&line.key)?,
                binding: line.schema.map(BindingLine::binding).transpose()?,
                content: compact("content", line.content.get(), DOCUMENT_BYTES_MAX)?,
            })),
            Self::End(EndLine { environments, schemas, configs }) => {
                Item::End(Totals { environments, schemas, configs })
            }
        })
    }
}

impl BindingLine<'_> {
    fn binding(self) -> Result<Binding, Problem> {
        let schema = SchemaName::parse(&self.name)?;
        Ok(Binding { schema, pinned: self.version.map(numbered).transpose()? })
    }
}

fn numbered(version: u64) -> Result<SchemaVersion, Problem> {
    if version == 0 { Err(invalid("version", "must be at least 1")) } else { Ok(SchemaVersion(version)) }
}

/// What an import did.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportReport, example = json!({"project": "demo", "mode": "merge", "revision": 1042,
    "environments": {"created": 0, "updated": 0, "unchanged": 1, "deleted": 0},
    "schemas": {"created": 1, "updated": 0, "unchanged": 0, "deleted": 0},
    "configs": {"created": 2, "updated": 1, "unchanged": 39, "deleted": 0}}))]
pub(crate) struct ImportAnswer {
    /// The project that it was brought into.
    project: String,
    /// `create`, `merge` or `replace`.
    mode: &'static str,
    /// The newest revision that it made or, when it made none, saw.
    revision: u64,
    /// Environments.
    environments: CountsBody,
    /// Versions of schemas; deleted are whole schemas.
    schemas: CountsBody,
    /// Configs.
    configs: CountsBody,
}

/// What became of the lines of a kind.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportCounts)]
pub(crate) struct CountsBody {
    /// Did not exist before.
    created: u64,
    /// Existed and were changed; for schemas: versions that were added to one.
    updated: u64,
    /// Existed and were the same, or are old versions of a schema with another history.
    unchanged: u64,
    /// Existed and were not in the file.
    deleted: u64,
}

/// A line that was refused.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only documents what import writes")]
pub(crate) struct RefusedLine {
    /// The line, from 1; 0 for the end of the file.
    line: u64,
    /// Why; for programs. The codes are those of problems.
    code: String,
    /// Why; for people.
    detail: String,
    /// What is wrong with its document or schema.
    errors: Option<Vec<ViolationBody>>,
    /// The first document that a new schema version would break.
    failures: Option<Vec<FailureBody>>,
    /// The name or member that breaks its rule.
    field: Option<String>,
    /// The limit in bytes that was exceeded.
    limit_bytes: Option<u64>,
}

impl From<Counts> for CountsBody {
    fn from(counts: Counts) -> Self {
        let Counts { created, updated, unchanged, deleted } = counts;
        Self { created, updated, unchanged, deleted }
    }
}

impl ImportAnswer {
    pub(crate) fn new(project: &ProjectName, mode: ImportMode, report: &ImportReport) -> Self {
        Self {
            project: project.to_string(),
            mode: match mode {
                ImportMode::Create => "create",
                ImportMode::Merge => "merge",
                ImportMode::Replace => "replace",
            },
            revision: report.revision.0,
            environments: report.environments.into(),
            schemas: report.schemas.into(),
            configs: report.configs.into(),
        }
    }
}
