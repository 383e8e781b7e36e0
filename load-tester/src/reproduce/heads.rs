//! Request headers that browsers send, so that a poll costs here what it costs a page. Which browser, and where the set is from,
//! stands with each. `Host` and the request line are the transport's own.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// As Lubbers & Greco print them (Firefox 3.5.5 on Windows XP, 2009). Their 871 B are all characters of that request and of the
/// answer below it, without line ends.
pub fn firefox_2009() -> HeaderMap {
    set(&[
        (
            "user-agent",
            "Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.9.1.5) Gecko/20091102 Firefox/3.5.5",
        ),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-us"),
        ("accept-encoding", "gzip,deflate"),
        ("accept-charset", "ISO-8859-1,utf-8;q=0.7,*;q=0.7"),
        ("keep-alive", "300"),
        ("connection", "keep-alive"),
        ("referer", "http://www.example.com/PollingStock/"),
        (
            "cookie",
            "showInheritedConstant=false; showInheritedProtectedConstant=false; \
             showInheritedProperty=false; showInheritedProtectedProperty=false; \
             showInheritedMethod=false; showInheritedProtectedMethod=false; \
             showInheritedEvent=false; showInheritedStyle=false; showInheritedEffect=false",
        ),
    ])
}

/// As Chromium 156 on Linux was seen to send them with `fetch()` to its own origin, less `Connection: keep-alive`, which only
/// HTTP/1.1 has.
pub fn chromium() -> HeaderMap {
    set(CHROMIUM)
}

/// The same without client hints and fetch metadata, which no browser sent in 2017.
pub fn chromium_2017() -> HeaderMap {
    let old = CHROMIUM.iter().filter(|(name, _)| !name.starts_with("sec-"));
    set(&old.copied().collect::<Vec<_>>())
}

const CHROMIUM: &[(&str, &str)] = &[
    ("sec-ch-ua-platform", "\"Linux\""),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    ),
    ("sec-ch-ua", "\"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\""),
    ("sec-ch-ua-mobile", "?0"),
    ("accept", "*/*"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("referer", "http://127.0.0.1:8080/"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-US,en;q=0.9"),
];

fn set(headers: &[(&'static str, &'static str)]) -> HeaderMap {
    let header = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    headers.iter().map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_printed_has_the_length_that_was_published() {
        let headers = firefox_2009();
        let characters: usize =
            headers.iter().map(|(name, value)| name.as_str().len() + 2 + value.len()).sum();
        let request =
            "GET /PollingStock//PollingStock HTTP/1.1".len() + "Host: localhost:8080".len();
        let answer = [
            "HTTP/1.x 200 OK",
            "X-Powered-By: Servlet/2.5",
            "Server: Sun Java System Application Server 9.1_02",
            "Content-Type: text/html;charset=UTF-8",
            "Content-Length: 21",
            "Date: Sat, 07 Nov 2009 00:32:46 GMT",
        ];
        let answer: usize = answer.iter().map(|line| line.len()).sum();
        assert_eq!(request + characters + answer, 871);
    }
}
