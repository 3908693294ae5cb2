//! Which paths need a session, and the pages that must not.

use super::{BuildError, SessionsBuilder};
use crate::policy::{InvalidPattern, PathRules, local_path};

impl SessionsBuilder {
    /// The path rules, by which all below the endpoints is public.
    pub(super) fn path_rules(&self, endpoints: &str) -> Result<PathRules, BuildError> {
        let mut paths = self.sensitive_only()?;
        if let Some(public) = &self.public {
            let endpoints_path = format!("{endpoints}/*");
            paths = paths
                .with_public(public)
                .map_err(in_setting("with_public"))?
                .with_public([endpoints_path])
                .map_err(in_setting("with_endpoints_at"))?;
        }
        Ok(paths)
    }

    fn sensitive_only(&self) -> Result<PathRules, BuildError> {
        let paths = PathRules::default().with_sensitive(&self.sensitive);
        paths.map_err(in_setting("with_sensitive"))
    }

    /// Checks a page to which people without a session are sent.
    pub(super) fn check_page(
        &self,
        paths: &PathRules,
        setting: &'static str,
        page: &str,
    ) -> Result<(), BuildError> {
        let path = page.to_owned();
        if local_path(page.as_bytes()).is_none() {
            return Err(BuildError::Page { setting, path });
        }
        let without_query = page.split(['?', '#']).next().unwrap_or(page);
        if !paths.is_sensitive(without_query) {
            return Ok(());
        }
        let rule = if self.sensitive_only()?.is_sensitive(without_query) {
            "with_sensitive"
        } else {
            "with_public"
        };
        Err(BuildError::SensitivePage {
            setting,
            path,
            rule,
        })
    }
}

pub(super) fn in_setting(setting: &'static str) -> impl Fn(InvalidPattern) -> BuildError {
    move |source| BuildError::Pattern { setting, source }
}
