//! The address of a request as the layer judges it.

use http::{Request, Uri};

/// The address as the client sent it, also inside a nested router.
pub(crate) fn outer_uri<B>(request: &Request<B>) -> &Uri {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::OriginalUri(uri)) = request.extensions().get() {
        return uri;
    }
    request.uri()
}
