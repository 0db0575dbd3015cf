//! `tejido replay`: the sources of a project as they were, from its archive, or as a script says.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;

use super::{Project, RunError};
use crate::archive::{Archive, Snapshot};
use crate::replay::{Answer, Script, Upstream};

/// What is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play {
    /// What each address answered last.
    Last,
    /// All that each address has answered, one after the other; the last answer stays.
    History,
}

/// Header of what is played from an archive: when it was fetched from its source.
pub const REPLAYED_HEADER: &str = "x-tejido-replayed";

/// Plays the archive, and over it a script, until `stopped`. `told` hears where, and of each request.
pub async fn serve(
    project: &Project,
    play: Play,
    script: Option<&Path>,
    address: SocketAddr,
    told: impl Fn(&str) + Clone + Send + Sync + 'static,
    stopped: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let mut played = recorded(project, play)?;
    if let Some(path) = script {
        played.over(Script::load(path)?);
    }
    let addresses = played.addresses();
    let upstream = Upstream::start(address, played, told.clone()).await?;
    told(&format!("{addresses} addresses are answered; set fetch.mirror = \"{}\"", upstream.mirror()));
    stopped.await;
    Ok(())
}

/// A script of what the archive holds.
fn recorded(project: &Project, play: Play) -> Result<Script, RunError> {
    let archive = Archive::new(&project.settings.storage.root);
    let unknown = "nothing was ever fetched from this address\n";
    let mut script = Script::new(unknown);
    for pipeline in archive.pipelines()? {
        for snapshot in archive.entries(&pipeline)? {
            // Nobody asked a source for it.
            if snapshot.sidecar.method != "GET" {
                continue;
            }
            let url = snapshot.sidecar.url.clone();
            match play {
                Play::Last => script.set(&url, [answer(snapshot)]),
                Play::History => script.add(&url, answer(snapshot)),
            }
        }
    }
    Ok(script)
}

fn answer(snapshot: Snapshot) -> Answer {
    let sidecar = snapshot.sidecar.clone();
    let load = move || {
        let mut bytes = Vec::new();
        snapshot.open().map_err(io::Error::other)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    // Its length is worked out anew.
    let mut headers: Vec<(String, String)> =
        sidecar.headers.into_iter().filter(|(name, _)| name != "content-length").collect();
    headers.push((REPLAYED_HEADER.to_owned(), sidecar.fetched_at.to_string()));
    Answer { status: sidecar.status, headers, ..Answer::loaded(load) }
}
