//! The files of the client: the same for everybody, and caches may keep them.

use super::{
    answer::Answer,
    script::{client_module, client_script},
};
use crate::{farewell::cross_origin, live::SessionBody};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS},
};
use std::sync::LazyLock;

/// A file.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct File {
    name: &'static str,
    content_type: HeaderValue,
    content: &'static [u8],
    etag: HeaderValue,
}

impl File {
    fn new(name: &'static str, content_type: &'static str, content: &'static [u8]) -> Self {
        let hash = blake3::hash(content).to_hex();
        let tag = hash.get(..32).unwrap_or_default();
        Self {
            name,
            content_type: HeaderValue::from_static(content_type),
            content,
            // Quotes and hexadecimal digits are always a header value.
            etag: HeaderValue::from_str(&format!("\"{tag}\""))
                .unwrap_or(HeaderValue::from_static("\"\"")),
        }
    }

    /// The file, or that the client has it already.
    pub(super) fn answer(&self, request: &HeaderMap) -> Answer {
        let known = self.is_known(request);
        let mut response = Response::new(if known {
            SessionBody::empty()
        } else {
            SessionBody::ours(Bytes::from_static(self.content))
        });
        let headers = response.headers_mut();
        // Asked for anew each time: an old script beside a page that names a new hash would not run.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
        headers.insert(ETAG, self.etag.clone());
        cross_origin(headers);
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            headers.insert(CONTENT_TYPE, self.content_type.clone());
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        response
    }

    /// RFC 9110 section 13.1.2: a list, compared weakly.
    fn is_known(&self, request: &HeaderMap) -> bool {
        let ours = self.etag.as_bytes();
        let lists = request.get_all(IF_NONE_MATCH).iter();
        lists
            .flat_map(|list| list.as_bytes().split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == ours)
    }
}

/// The file of this name.
pub(super) fn of(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

static FILES: LazyLock<[File; 2]> = LazyLock::new(|| {
    [
        ("adjourn.js", client_script()),
        ("adjourn.mjs", client_module()),
    ]
    .map(|(name, text)| File::new(name, "text/javascript; charset=utf-8", text.as_bytes()))
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::ASSETS;

    #[test]
    fn the_layer_knows_every_file() {
        let names: Vec<_> = FILES.iter().map(|file| file.name).collect();
        assert_eq!(names, ASSETS);
    }

    #[test]
    fn a_client_that_has_it_is_told_so() {
        let file = of("adjourn.js").unwrap();
        let ours = file.etag.to_str().unwrap();
        for (known, sent) in [
            (true, ours.to_owned()),
            (true, format!("W/{ours}")),
            (true, format!("\"other\" ,{ours}")),
            (true, "*".to_owned()),
            (false, "\"other\"".to_owned()),
            (false, ours.trim_matches('"').to_owned()),
            (false, String::new()),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, sent.parse().unwrap());
            assert_eq!(file.is_known(&headers), known, "{sent}");
        }
        assert!(!file.is_known(&HeaderMap::new()));
    }
}
