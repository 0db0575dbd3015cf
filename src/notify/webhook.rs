//! A signed POST of the event to an address.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::{Client, StatusCode, redirect};
use sha2::Sha256;
use url::Url;

use super::{Event, NotifyError};
use crate::spec::{NotifySettings, is_loopback};

/// Wait before the second try, doubled before each further one.
const BACKOFF: Duration = Duration::from_millis(500);

pub(super) struct Webhook {
    client: Client,
    url: Url,
    host: String,
    key: String,
    tries: u32,
}

impl Webhook {
    pub(super) fn new(settings: &NotifySettings) -> Result<Option<Self>, NotifyError> {
        let Some(url) = settings.webhook.url()? else {
            return Ok(None);
        };
        let mut client = Client::builder()
            .user_agent(concat!("tejido/", env!("CARGO_PKG_VERSION")))
            .timeout(Duration::from_secs(settings.timeout_secs))
            // Another address than the one that was checked.
            .redirect(redirect::Policy::none());
        if is_loopback(&url) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(NotifyError::Client)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let tries = settings.retries.saturating_add(1);
        Ok(Some(Webhook { client, url, host, key: settings.webhook.key.clone(), tries }))
    }

    pub(super) async fn send(&self, event: &Event, body: Vec<u8>) -> Result<(), NotifyError> {
        let mut wait = BACKOFF;
        for tries_left in (0..self.tries).rev() {
            let error = match self.post(event, body.clone()).await {
                Err(error) if tries_left > 0 && is_passing(&error) => error,
                outcome => return outcome,
            };
            tracing::debug!("a delivery is tried again: {error}");
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2);
        }
        Ok(())
    }

    async fn post(&self, event: &Event, body: Vec<u8>) -> Result<(), NotifyError> {
        let timestamp = Timestamp::now().as_second().to_string();
        let signature = signature(&self.key, &timestamp, &body);
        let request = self
            .client
            .post(self.url.clone())
            .header("Content-Type", "application/json")
            .header("X-Tejido-Event", event.kind.name())
            .header("X-Tejido-Timestamp", timestamp)
            .header("X-Tejido-Signature", signature)
            .body(body);
        let unreachable =
            |source: reqwest::Error| NotifyError::Unreachable { host: self.host.clone(), source: source.without_url() };
        let status = request.send().await.map_err(unreachable)?.status();
        match status.is_success() {
            true => Ok(()),
            false => Err(NotifyError::Refused { host: self.host.clone(), status: status.as_u16() }),
        }
    }
}

/// Whether trying again may help.
fn is_passing(error: &NotifyError) -> bool {
    match error {
        NotifyError::Unreachable { .. } => true,
        NotifyError::Refused { status, .. } => {
            *status >= 500
                || *status == StatusCode::TOO_MANY_REQUESTS.as_u16()
                || *status == StatusCode::REQUEST_TIMEOUT.as_u16()
        }
        _ => false,
    }
}

/// `sha256=` and the hexadecimal HMAC-SHA256 of the timestamp, a full stop and the body.
fn signature(key: &str, timestamp: &str, body: &[u8]) -> String {
    // Any text is a key.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        return String::new();
    };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let digits = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256={digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '1764045699.{"event":"test"}' | openssl dgst -sha256 -hmac 'a key of the tests'`
    #[test]
    fn the_signature_is_that_of_other_programs() {
        assert_eq!(
            signature("a key of the tests", "1764045699", br#"{"event":"test"}"#),
            "sha256=5d2c0f0742efe827d618fdab8c79d4d3855b20e14f3b2e5e0956ce0d8f1effce"
        );
    }
}
