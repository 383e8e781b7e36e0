//! The dashboards, embedded at build time by `build.rs`: path in, bytes and headers out. If they had not been built, a page
//! that says how to build them. Knows no HTTP stack and reads no files.

use std::borrow::Cow;

/// For every page: nothing from elsewhere, no inline script or style, and connections only to this server or another one's
/// socket (a page may be pointed at a second server to compare).
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// The same where the page also talks to the laboratory's relays, on other ports.
const LAB_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self' ws: wss: http:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// The policy for pages of a server with or without a laboratory.
#[must_use]
pub fn content_security_policy(is_lab: bool) -> &'static str {
    if is_lab { LAB_SECURITY_POLICY } else { CONTENT_SECURITY_POLICY }
}

/// `Cache-Control` of files whose name changes with their content.
pub const CACHE_IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// `Cache-Control` of everything else: ask each time, with the `ETag`.
pub const CACHE_REVALIDATE: &str = "no-cache";

/// One answer to `GET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The file.
    pub body: Cow<'static, [u8]>,
    /// Its media type.
    pub content_type: &'static str,
    /// Its version, in quotes as the header wants it.
    pub etag: &'static str,
    /// Whether the bytes under this path can never change.
    pub immutable: bool,
}

impl Page {
    /// What to send as `Cache-Control`.
    #[must_use]
    pub fn cache_control(&self) -> &'static str {
        if self.immutable { CACHE_IMMUTABLE } else { CACHE_REVALIDATE }
    }
}

/// The page at a request's path (without query); `/` is the dashboard's first page, or the [`placeholder`].
#[must_use]
pub fn page(path: &str) -> Option<Page> {
    let path = if path == "/" { "/index.html" } else { path };
    match path {
        _ if embedded() => find(EMBEDDED, path),
        "/index.html" => Some(placeholder()),
        "/placeholder.css" => Some(stand_in(PLACEHOLDER_STYLE, "text/css; charset=utf-8")),
        _ => None,
    }
}

/// Says how to build the dashboards.
#[must_use]
pub fn placeholder() -> Page {
    stand_in(PLACEHOLDER, "text/html; charset=utf-8")
}

fn stand_in(text: &'static str, content_type: &'static str) -> Page {
    let etag = concat!("\"stand-in-", env!("CARGO_PKG_VERSION"), "\"");
    Page { body: Cow::Borrowed(text.as_bytes()), content_type, etag, immutable: false }
}

/// Whether the dashboards are in this binary.
#[must_use]
pub fn embedded() -> bool {
    !EMBEDDED.is_empty()
}

struct File {
    path: &'static str,
    content_type: &'static str,
    etag: &'static str,
    immutable: bool,
    body: &'static [u8],
}

/// Sorted by path.
const EMBEDDED: &[File] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

const PLACEHOLDER: &str = include_str!("placeholder.html");
const PLACEHOLDER_STYLE: &str = include_str!("placeholder.css");

fn find(files: &[File], path: &str) -> Option<Page> {
    let at = files.binary_search_by(|file| file.path.cmp(path)).ok()?;
    let File { content_type, etag, immutable, body, .. } = files[at];
    Some(Page { body: Cow::Borrowed(body), content_type, etag, immutable })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[File] = &[
        File {
            path: "/assets/a-1.js",
            content_type: "text/javascript; charset=utf-8",
            etag: "\"1\"",
            immutable: true,
            body: b"1",
        },
        File {
            path: "/index.html",
            content_type: "text/html",
            etag: "\"2\"",
            immutable: false,
            body: b"2",
        },
    ];

    #[test]
    fn finds_files_by_their_exact_path() {
        let script = find(FILES, "/assets/a-1.js").unwrap();
        assert_eq!(&*script.body, b"1");
        assert_eq!(script.cache_control(), CACHE_IMMUTABLE);
        assert_eq!(find(FILES, "/index.html").unwrap().cache_control(), CACHE_REVALIDATE);
        for path in ["", "/", "/assets", "/assets/", "/../index.html", "/index.html/", "index.html"]
        {
            assert_eq!(find(FILES, path), None, "{path}");
        }
    }

    #[test]
    fn there_is_always_a_first_page() {
        let first = page("/").unwrap();
        assert_eq!(first, page("/index.html").unwrap());
        assert_eq!(first.content_type, "text/html; charset=utf-8");
        assert_eq!(first == placeholder(), !embedded());
    }

    #[test]
    fn what_is_embedded_is_sorted_and_complete() {
        assert!(EMBEDDED.is_sorted_by(|a, b| a.path < b.path));
        let Some(first) = find(EMBEDDED, "/index.html") else { return };
        let html = String::from_utf8(first.body.into_owned()).unwrap();
        let links = html.split(['"', '\'']).filter(|text| text.starts_with("/assets/"));
        let mut count = 0;
        for link in links {
            assert!(page(link).is_some_and(|file| file.immutable), "{link}");
            count += 1;
        }
        assert!(count >= 2, "a script and a style sheet");
    }

    #[test]
    fn no_page_needs_what_the_policy_forbids() {
        for page in [page("/").unwrap(), placeholder()] {
            let html = String::from_utf8(page.body.into_owned()).unwrap();
            assert!(!html.contains("<style") && !html.contains(" style="));
            assert!(!html.contains("<script>") && !html.contains("//cdn"));
        }
    }

    #[test]
    fn the_placeholder_says_how() {
        let html = String::from_utf8(placeholder().body.into_owned()).unwrap();
        for command in ["make run", "npm ci", "npm run build", "cargo build"] {
            assert!(html.contains(command), "{command}");
        }
    }
}
