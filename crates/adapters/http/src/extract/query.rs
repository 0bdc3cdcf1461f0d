//! Query parameters, strictly: one that is not known here is refused, because ignoring it would break
//! a promise that the client believes in.

use crate::problem::{Code, Problem};
use application::ports::{Consistency, Freshness};
use axum::extract::FromRequestParts;
use domain::Revision;
use domain::limits::CONFIG_KEY_BYTES_MAX;
use http::request::Parts;
use std::collections::BTreeSet;
use utoipa::IntoParams;

/// How many items a page has when the client does not say.
pub(crate) const PAGE_SIZE_DEFAULT: usize = 50;
/// Most items of a page.
pub(crate) const PAGE_SIZE_MAX: usize = 1000;

/// Largest revision that may be waited for: the documented format is a signed number of 64 bits.
const MIN_REVISION_MAX: u64 = i64::MAX as u64;

/// The parameters of a request, each known and well formed.
pub(crate) struct Query<T>(pub(crate) T);

/// A set of parameters that takes what it knows.
pub(crate) trait Parameters: Default {
    /// Takes the value when the name is known; says whether it was.
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem>;
}

/// No parameters at all.
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

/// What a list shows of each config.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Include {
    /// Everything but the document.
    #[default]
    Metadata,
    /// The document too.
    Content,
}

/// Which configs of an environment, and how much of them.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConfigListQuery {
    /// Only keys that start with this.
    #[param(value_type = Option<String>, max_length = 255, pattern = "^[a-z0-9._-]*$", example = "checkout.")]
    pub(crate) prefix: String,
    /// `content` adds the documents; a page then ends early when they exceed 8 MiB together.
    #[param(value_type = Option<String>, pattern = "^content$", example = "content")]
    pub(crate) include: Include,
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
        self.dry_run = match value {
            "true" => true,
            "false" => false,
            _ => return Err(invalid("dry_run", "must be true or false")),
        };
        Ok(true)
    }
}

impl Parameters for ReadQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        match name {
            "consistency" => {
                self.consistency = match value {
                    "linearizable" => Consistency::Linearizable,
                    "stale" => Consistency::Stale,
                    _ => return Err(invalid("consistency", "must be linearizable or stale")),
                };
            }
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
            "prefix" => {
                let allowed =
                    |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
                if value.len() > CONFIG_KEY_BYTES_MAX || !value.bytes().all(allowed) {
                    let rule =
                        format!("must be at most {CONFIG_KEY_BYTES_MAX} bytes and match ^[a-z0-9._-]*$");
                    return Err(invalid("prefix", &rule).with("limit_bytes", CONFIG_KEY_BYTES_MAX));
                }
                value.clone_into(&mut self.prefix);
            }
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
            if !seen.insert(name) {
                return Err(invalid(name, "must appear only once"));
            }
        }
        Ok(Self(parameters))
    }
}

pub(super) fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(super) fn invalid(parameter: &str, rule: &str) -> Problem {
    Problem::new(Code::InvalidParameter, format!("{parameter} {rule}")).with("parameter", parameter)
}
