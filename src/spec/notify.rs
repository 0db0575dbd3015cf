//! `[notify]`: which events are told, and to whom.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::SpecError;

/// `[notify]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NotifySettings {
    /// The events that are told.
    pub on: Vec<EventKind>,
    /// After so many hours, what still is wrong is told again; 0 is never.
    pub remind_hours: u64,
    /// More revised observations of a table in a run than this are told.
    pub revised_cells: u64,
    /// How long one delivery may take.
    pub timeout_secs: u64,
    /// Tries after the first one.
    pub retries: u32,
    /// A program and its arguments; none if empty.
    pub command: Vec<String>,
    /// `[notify.webhook]`
    pub webhook: WebhookSettings,
}

/// What can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A pipeline fails, or a build could not be made.
    Failure,
    /// What was wrong works again.
    Recovery,
    /// A pipeline was due and has not run.
    Stale,
    /// A source has not published what it promises.
    LateAtSource,
    /// A source has changed many observations.
    Revision,
    /// Somebody tries out the receivers.
    #[serde(skip_deserializing)]
    Test,
}

impl EventKind {
    /// Its name in settings and in what is told.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Failure => "failure",
            EventKind::Recovery => "recovery",
            EventKind::Stale => "stale",
            EventKind::LateAtSource => "late_at_source",
            EventKind::Revision => "revision",
            EventKind::Test => "test",
        }
    }
}

/// `[notify.webhook]`
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where events are sent; nowhere if empty.
    pub url: String,
    /// Key of the signature.
    pub key: String,
}

/// Neither the key nor the address, which may be a secret as well, must reach a log.
impl std::fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSettings").finish_non_exhaustive()
    }
}

impl WebhookSettings {
    /// The address, if there is one. What is sent is nobody's business, and so it is sent over TLS or stays here.
    pub fn url(&self) -> Result<Option<Url>, SpecError> {
        if self.url.is_empty() {
            return Ok(None);
        }
        let wrong = |found: &str| SpecError::Settings {
            message: format!("`notify.webhook.url` expects an address with `https`, found {found}"),
            hint: Some("`http` is for this machine only, such as `http://127.0.0.1:8000/hook`".into()),
        };
        let url = Url::parse(&self.url).map_err(|error| wrong(&format!("none ({error})")))?;
        match url.scheme() {
            "https" => Ok(Some(url)),
            "http" if is_loopback(&url) => Ok(Some(url)),
            "http" => Err(wrong("one with `http` to another machine")),
            scheme => Err(wrong(&format!("one with `{scheme}`"))),
        }
    }
}

/// Whether an address is on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A shorter key can be tried out.
const MIN_KEY_CHARS: usize = 16;

impl NotifySettings {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        if self.webhook.url()?.is_some() && self.webhook.key.chars().count() < MIN_KEY_CHARS {
            return Err(SpecError::Settings {
                message: format!("`notify.webhook.key` has fewer than {MIN_KEY_CHARS} characters"),
                hint: Some(
                    "set a secret one: TEJIDO__NOTIFY__WEBHOOK__KEY, or `[notify.webhook]` in config/local.toml".into(),
                ),
            });
        }
        if self.command.first().is_some_and(String::is_empty) {
            return Err(SpecError::Settings {
                message: "`notify.command` expects a program, found an empty text".into(),
                hint: Some("such as `[\"/usr/local/bin/tell\", \"operators\"]`; `[]` is no program".into()),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn wrong(url: &str, key: &str) -> Option<String> {
        let settings = NotifySettings {
            on: Vec::new(),
            remind_hours: 0,
            revised_cells: 0,
            timeout_secs: 1,
            retries: 0,
            command: Vec::new(),
            webhook: WebhookSettings { url: url.into(), key: key.into() },
        };
        assert!(!format!("{settings:?}").contains("secret"));
        settings.check().err().map(|error| error.to_string())
    }

    #[test]
    fn events_leave_the_machine_encrypted_and_signed_only() {
        let key = "secret, and long enough";
        for url in [
            "",
            "https://example.org/secret",
            "http://127.0.0.1:1/",
            "http://127.9.9.9/",
            "http://[::1]:80/",
            "http://localhost/",
        ] {
            assert_eq!(wrong(url, key), None, "{url}");
        }
        for url in ["http://example.org/secret", "http://localhost.example.org/", "ftp://127.0.0.1/", "secret"] {
            let message = wrong(url, key).unwrap();
            assert!(message.contains("notify.webhook.url") && !message.contains("secret"), "{message}");
        }
        assert!(wrong("https://example.org/", "secret").unwrap().contains("fewer than 16 characters"));
    }
}
