//! The lineage of a published build told to a server that keeps such (OpenLineage over HTTP).

use std::time::Duration;

use super::{BuildOutcome, Project};
use crate::disk;
use crate::error::Report;
use crate::publish::metadata;

/// So long one event may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends the events of a build that was just published, if a server is set. That it does not listen is no reason to fail:
/// the events stand in the build, too.
pub(super) async fn tell(project: &Project, outcome: &BuildOutcome) {
    let endpoint = project.settings.telemetry.openlineage.trim_end_matches('/');
    if endpoint.is_empty() || !matches!(outcome, BuildOutcome::Published { .. }) {
        return;
    }
    let events = match disk::read_text(&project.settings.storage.root.join("published").join(metadata::LINEAGE)) {
        Ok(events) => events,
        Err(error) => return tracing::warn!("{}", Report::new(&error).one_line()),
    };
    let sent = async {
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        for event in events.lines() {
            let request = client.post(format!("{endpoint}/api/v1/lineage")).header("content-type", "application/json");
            request.body(event.to_owned()).send().await?.error_for_status()?;
        }
        Ok::<(), reqwest::Error>(())
    };
    if let Err(error) = sent.await {
        tracing::warn!("the lineage was not told to `{endpoint}`: {error}");
    }
}
