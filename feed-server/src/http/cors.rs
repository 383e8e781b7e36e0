//! Cross-origin requests (Fetch standard, 3.2): which pages of other origins may read what is answered under `/v1`.

use hyper::header::{self, HeaderMap, HeaderValue};

/// Header fields of ours that scripts may read.
const EXPOSED: HeaderValue = HeaderValue::from_static("etag");
/// Of an answer that says when to come back.
const EXPOSED_LATER: HeaderValue = HeaderValue::from_static("etag, retry-after");
/// Header fields that scripts may send besides the harmless ones.
const ALLOWED: HeaderValue =
    HeaderValue::from_static("last-event-id, if-none-match, cache-control, authorization");
/// How long a browser may remember the answer to a preflight, seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// Pages of which origins may read the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Any: market data is public, and no cookies are used.
    Any,
    /// These, like `https://example.org`.
    Some(Vec<String>),
}

impl Origins {
    /// Reads `*`, `none`, or a comma list of origins.
    ///
    /// # Errors
    /// What is no origin, with what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "*" => Ok(Self::Any),
            "none" => Ok(Self::Some(Vec::new())),
            list => {
                let origins = list.split(',').map(str::trim);
                origins.map(check).collect::<Result<_, _>>().map(Self::Some)
            }
        }
    }

    /// Adds what lets a page of the request's origin read the answer, if it may.
    pub fn allow(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        match self {
            Self::Any => {
                answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Self::Some(origins) => {
                answer.append(header::VARY, HeaderValue::from_static("origin"));
                let known = origin.filter(|origin| origins.iter().any(|known| *known == **origin));
                let Some(origin) = known else { return };
                answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            }
        }
        let exposed = match answer.contains_key(header::RETRY_AFTER) {
            true => EXPOSED_LATER,
            false => EXPOSED,
        };
        answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }

    /// Adds what answers a preflight.
    pub fn preflight(answer: &mut HeaderMap) {
        let methods = HeaderValue::from_static("GET, HEAD");
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED);
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
}

fn check(origin: &str) -> Result<String, String> {
    let uri: Option<hyper::Uri> = origin.parse().ok();
    let is_origin = uri.is_some_and(|uri| {
        uri.scheme().is_some()
            && uri.authority().is_some()
            && !origin.ends_with('/')
            && uri.path() == "/"
    });
    if is_origin {
        return Ok(origin.to_ascii_lowercase());
    }
    Err(format!(
        "must be *, none, or a list like https://example.org,http://localhost:5173; `{origin}` is no origin"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &str, origin: &str) -> Option<String> {
        let mut answer = HeaderMap::new();
        let origin = HeaderValue::from_str(origin).unwrap();
        Origins::parse(origins).unwrap().allow(Some(&origin), &mut answer);
        let allowed = answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?;
        Some(allowed.to_str().unwrap().to_owned())
    }

    #[test]
    fn lets_in_whom_the_setting_names() {
        assert_eq!(allowed("*", "https://a.example"), Some("*".to_owned()));
        assert_eq!(allowed("none", "https://a.example"), None);
        let two = "https://a.example, http://localhost:5173";
        assert_eq!(allowed(two, "http://localhost:5173"), Some("http://localhost:5173".to_owned()));
        assert_eq!(allowed(two, "https://b.example"), None);
    }

    #[test]
    fn refuses_what_is_no_origin() {
        for wrong in
            ["", "example.org", "https://a.example/", "https://a.example/path", "*,https://a"]
        {
            assert!(Origins::parse(wrong).is_err(), "{wrong}");
        }
    }
}
