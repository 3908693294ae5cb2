//! The log-out button.

use super::Endpoints;
use crate::farewell::escaped;
use std::fmt;

/// A log-out button as HTML: a form that posts, which is what a log-out must do (a link can be
/// followed by another site's page, by a prefetch or by a virus scanner).
///
/// It needs no token against forgery: the log-out judges by `Sec-Fetch-Site` and `Origin` where the
/// request comes from. It needs no script, and works with htmx and Turbo as it is; beside the client
/// script it also tells the other tabs, and clears when the server cannot be reached. (Not where htmx or Turbo send it: put it into an
/// element with `hx-boost="false"` or `data-turbo="false"` then.)
///
/// Displayed, it is HTML; everything that is given to it is escaped.
///
/// ```
/// use adjourn::{Sessions, endpoints::LogOutForm, store::MemoryStore};
///
/// let sessions = Sessions::builder(MemoryStore::new()).build()?;
/// let form = sessions.endpoints().log_out_form();
/// assert_eq!(
///     form.to_string(),
///     r#"<form method="post" action="/session/end" data-adjourn-end><button type="submit">Log out</button></form>"#
/// );
///
/// // An own route, an own label, a class for the style sheet.
/// let form = LogOutForm::to("/logout").with_label("Abmelden").with_class("button quiet");
/// assert_eq!(
///     form.to_string(),
///     "<form method=\"post\" action=\"/logout\" data-adjourn-end>\
///      <button type=\"submit\" class=\"button quiet\">Abmelden</button></form>"
/// );
/// # Ok::<(), adjourn::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a form does nothing until it is written into a page"]
pub struct LogOutForm {
    action: Box<str>,
    label: Box<str>,
    class: Option<Box<str>>,
}

impl LogOutForm {
    /// A form that posts to the application's own log-out route.
    pub fn to(action: &str) -> Self {
        Self {
            action: action.into(),
            label: "Log out".into(),
            class: None,
        }
    }

    /// The text on the button. *Default:* "Log out".
    pub fn with_label(mut self, label: &str) -> Self {
        self.label = label.into();
        self
    }

    /// The `class` of the button. *Default:* none.
    pub fn with_class(mut self, class: &str) -> Self {
        self.class = Some(class.into());
        self
    }
}

impl fmt::Display for LogOutForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (action, label) = (escaped(&self.action), escaped(&self.label));
        write!(
            f,
            "<form method=\"post\" action=\"{action}\" data-adjourn-end><button type=\"submit\""
        )?;
        if let Some(class) = &self.class {
            write!(f, " class=\"{}\"", escaped(class))?;
        }
        write!(f, ">{label}</button></form>")
    }
}

impl Endpoints {
    /// A log-out button that posts to `POST end` of these endpoints.
    pub fn log_out_form(&self) -> LogOutForm {
        LogOutForm::to(&self.0.endpoints.path_of("end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_its_attribute() {
        let hostile = "\"'><script>&";
        let form = LogOutForm::to(hostile)
            .with_label(hostile)
            .with_class(hostile);
        let html = form.to_string();
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(
            html.matches("&quot;&#39;&gt;&lt;script&gt;&amp;").count(),
            3
        );
    }
}
