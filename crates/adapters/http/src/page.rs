//! Pages of a list: the response and the token of the next page.
//!
//! A token contains the revision of the first page, the last item, and a digest of the list. It is neither
//! secret nor signed: a forged token reveals nothing that the list would not show.

use crate::extract::PageQuery;
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::strict;
use crate::target::canonical;
use application::PageRequest;
use application::ports::Freshness;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Digest, Revision};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Maximum length of a token, in bytes.
const TOKEN_BYTES_MAX: usize = 1024;
/// Characters of the list's digest in a token.
const LIST_DIGEST_CHARS: usize = 16;

/// A part of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The items, in the list's order.
    items: Vec<T>,
    /// Give it as `page_token` to go on; empty at the end.
    next_page_token: String,
}

impl<T> List<T> {
    /// A list that fits one page.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next_page_token: String::new() }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Token {
    /// The revision of the first page.
    r: u64,
    /// The last item of the previous page.
    a: String,
    /// The digest of the list.
    l: String,
}

/// A list that page tokens are bound to.
pub(crate) struct Listing {
    digest: String,
}

impl Listing {
    /// The list at `path` with `filter`.
    pub(crate) fn new(path: &str, filter: &str) -> Self {
        let mut digest = Digest::of(&[canonical(path).as_bytes(), b"\0", filter.as_bytes()]).to_string();
        digest.truncate(LIST_DIGEST_CHARS);
        Self { digest }
    }

    /// The page request and the required freshness: a later page never shows an older state than the first.
    pub(crate) fn request<K>(
        &self,
        query: &PageQuery,
        freshness: Freshness,
        parse: impl Fn(&str) -> Option<K>,
    ) -> Result<(PageRequest<K>, Freshness), Problem> {
        let Some(text) = &query.page_token else {
            return Ok((PageRequest { size: query.page_size, after: None, at: None }, freshness));
        };
        let (after, revision) = self.read(text, parse).ok_or_else(|| {
            let detail = "page_token must be the next_page_token of the same list with the same filter";
            Problem::new(Code::InvalidPageToken, detail).with("parameter", "page_token")
        })?;
        let freshness = Freshness { min_revision: freshness.min_revision.max(Some(revision)), ..freshness };
        Ok((PageRequest { size: query.page_size, after: Some(after), at: Some(revision) }, freshness))
    }

    /// Page size and previous item, for a list outside the replicated state.
    pub(crate) fn plain<K>(
        &self,
        query: &PageQuery,
        parse: impl Fn(&str) -> Option<K>,
    ) -> Result<(u32, Option<K>), Problem> {
        let (page, _) = self.request(query, Freshness::STALE, parse)?;
        Ok((u32::try_from(page.size).unwrap_or(u32::MAX), page.after))
    }

    /// The response with a page of such a list.
    pub(crate) fn plain_answer<T: Serialize>(
        self,
        items: Vec<T>,
        next: Option<&str>,
    ) -> Result<Response, Problem> {
        let next_page_token = self.token(next, Revision(0))?;
        Ok(Reply::json(StatusCode::OK, &List { items, next_page_token })?.compressible().done())
    }

    fn read<K>(&self, text: &str, parse: impl Fn(&str) -> Option<K>) -> Option<(K, Revision)> {
        if text.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let token: Token = strict::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        (token.l == self.digest).then_some(())?;
        Some((parse(&token.a)?, Revision(token.r)))
    }

    /// The token of the page after the item `next`; empty if `next` is `None`.
    pub(crate) fn token(self, next: Option<&str>, revision: Revision) -> Result<String, Problem> {
        let Some(after) = next else { return Ok(String::new()) };
        let token = Token { r: revision.0, a: after.to_owned(), l: self.digest };
        Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).map_err(Problem::internal)?))
    }

    /// The response with a page that has its own entity tag.
    pub(crate) fn tagged_answer<T: Serialize>(
        self,
        items: Vec<T>,
        next: Option<&str>,
        tag: &str,
        seen: (Revision, Freshness, Option<u64>),
    ) -> Result<Response, Problem> {
        let (revision, asked, stale_for_ms) = seen;
        let next_page_token = self.token(next, revision)?;
        let reply = Reply::json(StatusCode::OK, &List { items, next_page_token })?;
        Ok(reply.compressible().weak_etag(tag).seen(revision, asked, stale_for_ms).revalidated().done())
    }

    /// The response with a page.
    pub(crate) fn answer<T: Serialize>(
        self,
        items: Vec<T>,
        next: Option<&str>,
        revision: Revision,
        asked: Freshness,
        stale_for_ms: Option<u64>,
    ) -> Result<Response, Problem> {
        let next_page_token = self.token(next, revision)?;
        let reply = Reply::json(StatusCode::OK, &List { items, next_page_token })?;
        Ok(reply.compressible().seen(revision, asked, stale_for_ms).done())
    }
}
