//! Builds that are kept: which were published when, which one may be gone back to, and which may go.
//!
//! ```text
//! publications.jsonl   one line for each switch of `published`: when, to which build
//! withdrawn.json       builds that were gone back from, with what they were made from
//! pins/<build-id>      a build that is never removed
//! ```
//! Without these files nothing is wrong: builds then count as published when they were made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{PublishError, Published, builds, folder};
use crate::disk;

/// One switch of `published`.
#[derive(Debug, Serialize, Deserialize)]
struct Publication {
    /// When.
    at: Timestamp,
    /// To which build.
    build_id: String,
}

/// A build that is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its folder and manifest.
    pub build: Published,
    /// Whether it is what readers see.
    pub is_published: bool,
    /// Whether it was gone back from.
    pub is_withdrawn: bool,
    /// Whether it is never removed.
    pub is_pinned: bool,
    /// When it was published for the last time.
    pub published_at: Timestamp,
    /// Since when another one has been.
    pub replaced_at: Option<Timestamp>,
}

/// How many builds are kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// So many of the newest, whatever their age.
    pub keep: usize,
    /// All that were in force within this time, since readers may have them open.
    pub grace: SignedDuration,
}

/// All builds, oldest first.
pub fn kept(data_root: &Path) -> Result<Vec<Kept>, PublishError> {
    let history = publications(data_root)?;
    let withdrawn = withdrawn(data_root)?;
    let pins = pins(data_root)?;
    let current = folder(data_root)?;
    let kept = builds(data_root)?.into_iter().map(|build| {
        let id = build.manifest.build_id.as_str();
        let is_published = current.as_ref() == Some(&build.folder);
        let last = history.iter().rposition(|publication| publication.build_id == id);
        let replaced_at = last.and_then(|last| history.get(last + 1)).map(|next| next.at);
        Kept {
            is_published,
            is_withdrawn: withdrawn.contains_key(id),
            is_pinned: pins.contains(id),
            published_at: last.map_or(build.manifest.built_at, |last| history[last].at),
            replaced_at: replaced_at.filter(|_| !is_published),
            build,
        }
    });
    Ok(kept.collect())
}

/// Lets `published` point at a build, in one step, and remembers when.
pub(super) fn switch_to(data_root: &Path, build_id: &str, now: Timestamp) -> Result<(), PublishError> {
    disk::switch_link(&data_root.join("published"), &Path::new("builds").join(build_id))?;
    let publication = Publication { at: now, build_id: build_id.to_owned() };
    // A struct of strings always has a JSON form.
    let line = serde_json::to_string(&publication).unwrap_or_default();
    Ok(disk::append_line(&data_root.join("publications.jsonl"), &line)?)
}

/// Goes back, or forward, to a build. Newer ones count as withdrawn from then on: what they were made from is not
/// published again until something of it changes.
pub fn roll_back(data_root: &Path, build_id: &str, now: Timestamp) -> Result<(), PublishError> {
    let mut withdrawn = withdrawn(data_root)?;
    for build in builds(data_root)? {
        if build.manifest.build_id.as_str() > build_id {
            withdrawn.insert(build.manifest.build_id, build.manifest.world);
        }
    }
    withdrawn.remove(build_id);
    // A map of strings always has a JSON form.
    let text = serde_json::to_vec_pretty(&withdrawn).unwrap_or_default();
    disk::write_atomic(&data_root.join("withdrawn.json"), &text)?;
    switch_to(data_root, build_id, now)
}

/// The builds that were gone back from, each with the fingerprint of what it was made from.
pub fn withdrawn(data_root: &Path) -> Result<BTreeMap<String, String>, PublishError> {
    let path = data_root.join("withdrawn.json");
    if !disk::exists(&path) {
        return Ok(BTreeMap::new());
    }
    serde_json::from_slice(&disk::read(&path)?).map_err(|source| PublishError::Manifest { path, source })
}

/// Keeps a build whatever its age, or no longer.
pub fn pin(data_root: &Path, build_id: &str, is_pinned: bool) -> Result<(), PublishError> {
    let path = data_root.join("pins").join(build_id);
    if !is_pinned {
        return Ok(disk::remove_file(&path)?);
    }
    disk::create_dir(&data_root.join("pins"))?;
    Ok(disk::write_atomic(&path, b"")?)
}

/// Removes the builds that nothing keeps; gives their names.
pub fn retire(data_root: &Path, retention: Retention, now: Timestamp) -> Result<Vec<String>, PublishError> {
    let kept = kept(data_root)?;
    let most = kept.len().saturating_sub(retention.keep.max(1));
    let mut gone = Vec::new();
    for old in &kept[..most] {
        let last_read = old.replaced_at.unwrap_or(old.published_at);
        if old.is_published || old.is_pinned || now.duration_since(last_read) < retention.grace {
            continue;
        }
        let id = &old.build.manifest.build_id;
        // Under a name that no reader looks for, so that no half of a build is ever seen.
        let doomed = data_root.join("builds").join(format!(".tmp-{id}"));
        disk::rename(&old.build.folder, &doomed)?;
        disk::remove_dir(&doomed)?;
        gone.push(id.clone());
    }
    Ok(gone)
}

/// Takes over what another data root says of its builds, of which this one is now in force and is here.
pub fn adopt(
    data_root: &Path,
    build_id: &str,
    switches: Vec<(Timestamp, String)>,
    withdrawn: &BTreeMap<String, String>,
    pinned: &BTreeSet<String>,
) -> Result<(), PublishError> {
    let lines: Vec<String> = switches
        .into_iter()
        // A struct of strings always has a JSON form.
        .map(|(at, build_id)| serde_json::to_string(&Publication { at, build_id }).unwrap_or_default() + "\n")
        .collect();
    disk::write_atomic(&data_root.join("publications.jsonl"), lines.concat().as_bytes())?;
    disk::write_atomic(&data_root.join("withdrawn.json"), &serde_json::to_vec_pretty(withdrawn).unwrap_or_default())?;
    for gone in pins(data_root)?.difference(pinned) {
        pin(data_root, gone, false)?;
    }
    pinned.iter().try_for_each(|build| pin(data_root, build, true))?;
    Ok(disk::switch_link(&data_root.join("published"), &Path::new("builds").join(build_id))?)
}

/// Which build came into force when, oldest first.
pub fn switches(data_root: &Path) -> Result<Vec<(Timestamp, String)>, PublishError> {
    Ok(publications(data_root)?.into_iter().map(|publication| (publication.at, publication.build_id)).collect())
}

/// The builds that are never removed.
pub fn pins(data_root: &Path) -> Result<BTreeSet<String>, PublishError> {
    Ok(disk::list(&data_root.join("pins"))?.into_iter().collect())
}

/// All switches, oldest first. A line that was cut by a crash is left out.
fn publications(data_root: &Path) -> Result<Vec<Publication>, PublishError> {
    let path = data_root.join("publications.jsonl");
    if !disk::exists(&path) {
        return Ok(Vec::new());
    }
    Ok(disk::read_text(&path)?.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}
