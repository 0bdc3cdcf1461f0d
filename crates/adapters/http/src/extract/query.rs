//! Query parameters. Unknown parameters are refused, because ignoring them would mislead the client.

use crate::problem::{Code, Problem};
use application::ports::{Consistency, Freshness};
use application::{ImportMode, KeyFilter};
use axum::extract::FromRequestParts;
use domain::limits::CONFIG_KEY_BYTES_MAX;
use domain::{ConfigKey, Revision};
use http::request::Parts;
use std::collections::BTreeSet;
use utoipa::IntoParams;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};

/// Default page size.
pub(crate) const PAGE_SIZE_DEFAULT: usize = 50;
/// Maximum page size.
pub(crate) const PAGE_SIZE_MAX: usize = 1000;

/// Maximum revision to wait for; the documented format is a signed 64-bit number.
const MIN_REVISION_MAX: u64 = i64::MAX as u64;

/// Extractor: the query parameters, all known and valid.
pub(crate) struct Query<T>(pub(crate) T);

/// A set of query parameters.
pub(crate) trait Parameters: Default {
    /// Stores the value of a known parameter; returns whether the name is known.
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem>;

    /// Whether the parameter may be repeated.
    fn repeats(&self, _name: &str) -> bool {
        false
    }
}

/// No parameters.
#[derive(Default)]
pub(crate) struct NoQuery;

/// Whether a change is only to be tried.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DryRunQuery {
    /// `true`: run every check, keep nothing, and answer what would have happened, with `dry_run` and
    /// `effects` in the body.
    #[param(value_type = Option<bool>, example = false)]
    pub(crate) dry_run: bool,
}

/// How fresh a read must be.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadQuery {
    /// `linearizable` (the default) sees every write that was acknowledged before; `stale` answers from
    /// whatever this node has applied, also without a leader.
    #[param(value_type = Option<String>, pattern = "^(linearizable|stale)$", example = "linearizable")]
    consistency: Consistency,
    /// Wait until this node has applied the revision, or answer 503 `behind`.
    #[param(value_type = Option<u64>, minimum = 0, example = 1)]
    min_revision: Option<Revision>,
}

/// Which page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most this many items.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 50)]
    pub(crate) page_size: usize,
    /// `next_page_token` of the page before.
    #[param(value_type = Option<String>, max_length = 1024)]
    pub(crate) page_token: Option<String>,
}

/// The content of list items.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Include {
    /// Without the documents.
    #[default]
    Metadata,
    /// With the documents.
    Content,
}

/// Which keys of an environment.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeyQuery {
    /// Only this key; may be repeated. Together with `prefix`, whatever either of them names.
    #[param(required = false, schema_with = keys_schema)]
    key: BTreeSet<ConfigKey>,
    /// Only keys that start with this; may be repeated. `key` and `prefix` together at most 100 times.
    #[param(required = false, schema_with = prefixes_schema)]
    prefix: BTreeSet<String>,
}

/// Maximum number of keys and prefixes in one request.
const KEYS_NAMED_MAX: usize = 100;

fn keys_schema() -> Array {
    named(ConfigKey::PATTERN, "checkout.limits")
}

fn prefixes_schema() -> Array {
    named(ConfigKey::PREFIX_PATTERN, "checkout.")
}

fn named(pattern: &str, example: &str) -> Array {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    let text = text.max_length(Some(CONFIG_KEY_BYTES_MAX)).examples([example]);
    ArrayBuilder::new().items(text.build()).max_items(Some(KEYS_NAMED_MAX)).build()
}

impl KeyQuery {
    /// The filter of keys.
    pub(crate) fn filter(&self) -> KeyFilter {
        KeyFilter::new(self.key.clone(), self.prefix.clone())
    }

    /// The filter as text that a page token is bound to; unambiguous, because no key contains a line end.
    pub(crate) fn text(&self) -> String {
        let keys = self.key.iter().map(|key| format!("={key}"));
        let prefixes = self.prefix.iter().map(|prefix| format!("^{prefix}"));
        keys.chain(prefixes).collect::<Vec<_>>().join("\n")
    }
}

/// How much of the configs of an environment is shown.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConfigListQuery {
    /// `content` adds the documents; a page then ends early when they exceed 8 MiB together.
    #[param(value_type = Option<String>, pattern = "^content$", example = "content")]
    pub(crate) include: Include,
    /// `true`: configs that were deleted and do not exist now, each with the version of its deletion.
    #[param(value_type = Option<bool>, example = false)]
    pub(crate) deleted: bool,
}

/// Whether any state of the config is fine.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OverwriteQuery {
    /// `true`: create the config or replace it, whatever is there, instead of `If-Match` or `If-None-Match`.
    #[param(value_type = Option<bool>, example = false)]
    overwrite: bool,
}

/// What an import does with what is there already.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// `merge` (the default) changes what differs and leaves the rest; `create` refuses what is there and
    /// differs; `replace` also deletes what is not in the file.
    #[param(value_type = Option<String>, pattern = "^(create|merge|replace)$", example = "merge")]
    pub(crate) mode: ImportMode,
}

impl ReadQuery {
    pub(crate) fn freshness(&self) -> Freshness {
        Freshness { consistency: self.consistency, min_revision: self.min_revision }
    }
}

impl Default for PageQuery {
    fn default() -> Self {
        Self { page_size: PAGE_SIZE_DEFAULT, page_token: None }
    }
}

impl Parameters for NoQuery {
    fn take(&mut self, _: &str, _: &str) -> Result<bool, Problem> {
        Ok(false)
    }
}

impl Parameters for DryRunQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        if name != "dry_run" {
            return Ok(false);
        }
        self.dry_run = flag(name, value)?;
        Ok(true)
    }
}

impl Parameters for OverwriteQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        if name != "overwrite" {
            return Ok(false);
        }
        self.overwrite = flag(name, value)?;
        Ok(true)
    }
}

impl Parameters for KeyQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        match name {
            "key" => {
                let key = ConfigKey::parse(value).map_err(|error| {
                    let rule = format!("is no key: {error}; write a + as %2B");
                    invalid("key", &rule).with("pattern", error.pattern).with("limit_bytes", error.bytes_max)
                })?;
                self.key.insert(key);
            }
            "prefix" => {
                self.prefix.insert(key_prefix(value)?.to_owned());
            }
            _ => return Ok(false),
        }
        if self.key.len() + self.prefix.len() > KEYS_NAMED_MAX {
            let rule = format!("and prefix may together appear at most {KEYS_NAMED_MAX} times");
            return Err(invalid("key", &rule).with("limit", KEYS_NAMED_MAX));
        }
        Ok(true)
    }

    fn repeats(&self, name: &str) -> bool {
        name == "key" || name == "prefix"
    }
}

impl Parameters for ImportQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        if name != "mode" {
            return Ok(false);
        }
        self.mode = match value {
            "create" => ImportMode::Create,
            "merge" => ImportMode::Merge,
            "replace" => ImportMode::Replace,
            _ => return Err(invalid("mode", "must be create, merge or replace")),
        };
        Ok(true)
    }
}

impl Parameters for ReadQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        match name {
            "consistency" => self.consistency = consistency(value)?,
            "min_revision" => {
                let revision = number(value).filter(|revision| *revision <= MIN_REVISION_MAX);
                let refused = || invalid("min_revision", &format!("must be 0 to {MIN_REVISION_MAX}"));
                self.min_revision = Some(Revision(revision.ok_or_else(refused)?));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Parameters for PageQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        match name {
            "page_size" => {
                let size = number(value).and_then(|size| usize::try_from(size).ok());
                self.page_size = size.filter(|size| (1..=PAGE_SIZE_MAX).contains(size)).ok_or_else(|| {
                    invalid("page_size", &format!("must be 1 to {PAGE_SIZE_MAX}"))
                        .with("limit", PAGE_SIZE_MAX)
                })?;
            }
            "page_token" => self.page_token = Some(value.to_owned()).filter(|token| !token.is_empty()),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Parameters for ConfigListQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        match name {
            "deleted" => self.deleted = flag(name, value)?,
            "include" if value == "content" => self.include = Include::Content,
            "include" => return Err(invalid("include", "must be content")),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<A: Parameters, B: Parameters> Parameters for (A, B) {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        Ok(self.0.take(name, value)? || self.1.take(name, value)?)
    }

    fn repeats(&self, name: &str) -> bool {
        self.0.repeats(name) || self.1.repeats(name)
    }
}

impl<S: Send + Sync, T: Parameters> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = T::default();
        if parts.uri.query().is_none_or(str::is_empty) {
            return Ok(Self(parameters));
        }
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Problem::new(Code::InvalidParameter, "the query is not well formed"))?;
        let mut seen = BTreeSet::new();
        for (name, value) in &pairs.0 {
            if !parameters.take(name, value)? {
                let shown: String = name.chars().take(64).collect();
                let detail = format!("the parameter {shown:?} is not known here");
                return Err(Problem::new(Code::UnknownParameter, detail).with("parameter", shown));
            }
            if !seen.insert(name) && !parameters.repeats(name) {
                return Err(invalid(name, "must appear only once"));
            }
        }
        Ok(Self(parameters))
    }
}

fn flag(name: &str, value: &str) -> Result<bool, Problem> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(name, "must be true or false")),
    }
}

pub(super) fn consistency(value: &str) -> Result<Consistency, Problem> {
    match value {
        "linearizable" => Ok(Consistency::Linearizable),
        "stale" => Ok(Consistency::Stale),
        _ => Err(invalid("consistency", "must be linearizable or stale")),
    }
}

pub(super) fn key_prefix(value: &str) -> Result<&str, Problem> {
    if !ConfigKey::is_prefix(value) {
        let pattern = ConfigKey::PREFIX_PATTERN;
        let rule =
            format!("must be at most {CONFIG_KEY_BYTES_MAX} bytes and match {pattern}; write a + as %2B");
        return Err(invalid("prefix", &rule).with("limit_bytes", CONFIG_KEY_BYTES_MAX));
    }
    Ok(value)
}

pub(super) fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(super) fn invalid(parameter: &str, rule: &str) -> Problem {
    Problem::new(Code::InvalidParameter, format!("{parameter} {rule}")).with("parameter", parameter)
}
