//! A data root in an object store: before a run this machine's copy is brought up to date, after it what is new goes there.
//!
//! The copy is a data root like any other, so that all else works as it does on disk. `.store.json` says what the store had
//! when the two last met: a file that was there then and is gone here was removed by this run, one that is gone there was
//! removed by another machine, and one that was not there is new. Without it all that is here is put there again, which
//! changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Project, RunError};
use crate::archive::Archive;
use crate::disk::{self, DiskError};
use crate::publish::{self, Manifest};
use crate::spec::{Kind, Profile, SpecError};
use crate::store::{Pointer, Seen, Store, StoreError, Switch};

/// What is kept in common, but for builds and the pointer.
const SHARED: [&str; 2] = ["archive", "lake"];

/// The file beside the copy.
const MEMORY: &str = ".store.json";

/// What the store had when it was last met.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    url: String,
    files: BTreeSet<String>,
    build: Option<String>,
}

/// A copy that is up to date, until it is put back.
pub(super) struct Remote {
    store: Store,
    root: PathBuf,
    seen: Seen,
    /// What the store has, with sizes.
    there: BTreeMap<String, u64>,
    /// Of what it had before this run.
    scope: Scope,
    keep_builds: usize,
    grace: SignedDuration,
}

/// Which part of the data root a run needs.
#[derive(Debug, Clone)]
pub(super) enum Scope {
    /// All of it.
    Whole,
    /// What these pipelines have in archive and lake.
    Pipelines(BTreeSet<String>),
}

impl Scope {
    fn has(&self, place: &str) -> bool {
        let Scope::Pipelines(pipelines) = self else { return true };
        let name = place.rsplit('/').next().unwrap_or_default();
        let mut folders = place.split('/');
        match (folders.next(), folders.next()) {
            (Some("archive"), Some(pipeline)) => pipelines.contains(pipeline),
            // A file of the lake begins with its pipeline, and ends with two hashes.
            _ => pipelines.iter().any(|pipeline| {
                name.strip_prefix(pipeline.as_str()).is_some_and(|rest| rest.starts_with('-'))
                    || place.contains(&format!("/pipeline={pipeline}/"))
            }),
        }
    }
}

impl Remote {
    /// Brings this machine's copy up to date. None where the data root is a folder.
    pub(super) async fn begin(project: &Project, scope: Scope) -> Result<Option<Self>, RunError> {
        let Some(store) = project.store()? else { return Ok(None) };
        refuse_keys(project)?;
        let root = project.settings.storage.root.clone();
        // What holds persons is for its owner only, here as everywhere.
        let archive = Archive::new(&root);
        for pipeline in project.pipelines.all.iter().filter(|pipeline| pipeline.kind == Kind::Memberships) {
            archive.keep_private(&pipeline.id)?;
        }
        let seen = store.pointer().await?;
        let mut there = BTreeMap::new();
        for folder in SHARED {
            there.extend(store.list(folder).await?);
        }
        there.retain(|place, _| scope.has(place));
        let here = files(&root, &scope)?;
        let memory = memory(&root, store.url());
        let gone: Vec<&String> =
            here.keys().filter(|place| !there.contains_key(*place) && memory.files.contains(*place)).collect();
        for place in gone {
            disk::remove_file(&root.join(place))?;
        }
        let lacking = there.iter().filter(|(place, bytes)| here.get(*place) != Some(bytes));
        let (sidecars, others): (Vec<_>, Vec<_>) =
            lacking.map(|(place, bytes)| (place.clone(), *bytes)).partition(|(place, _)| is_sidecar(place));
        tracing::info!(url = store.url(), files = sidecars.len() + others.len(), "fetched from the store");
        // A snapshot is there when its sidecar is.
        store.fetch_all(&others, &root).await?;
        store.fetch_all(&sidecars, &root).await?;
        let settings = &project.settings.publish;
        let remote = Remote {
            store,
            root,
            seen,
            there,
            scope,
            keep_builds: settings.keep_builds,
            grace: SignedDuration::from_hours(settings.grace_hours.into()),
        };
        if matches!(remote.scope, Scope::Whole) {
            remote.take_build(&memory).await?;
        }
        remote.remember(memory.build)?;
        Ok(Some(remote))
    }

    /// Has the build that the store's pointer names in force here, too.
    async fn take_build(&self, memory: &Memory) -> Result<(), RunError> {
        let Some(pointer) = &self.seen.pointer else { return Ok(()) };
        let here = publish::current(&self.root)?.map(|published| published.manifest.build_id);
        // What was published here and could not be put there yet goes there now.
        let is_ahead = here.is_some() && memory.build.as_ref() == Some(&pointer.build);
        if here.as_ref() == Some(&pointer.build) || is_ahead {
            return Ok(());
        }
        self.fetch_build(&pointer.build).await?;
        let switches = pointer.switches.iter().map(|switch| (switch.at, switch.build.clone())).collect();
        publish::adopt(&self.root, &pointer.build, switches, &pointer.withdrawn, &pointer.pins)?;
        Ok(())
    }

    /// Fetches the builds whose names begin so, unless they are here.
    pub(super) async fn fetch_named(&self, name: &str) -> Result<(), RunError> {
        for build in self.store.folders("builds").await?.iter().filter(|build| build.starts_with(name)) {
            self.fetch_build(build).await?;
        }
        Ok(())
    }

    /// Fetches a build, unless it is here.
    async fn fetch_build(&self, build: &str) -> Result<(), RunError> {
        let folder = self.root.join("builds").join(build);
        if disk::exists(&folder) {
            return Ok(());
        }
        let place = format!("builds/{build}");
        let objects: Vec<(String, u64)> = self.store.list(&place).await?.into_iter().collect();
        let draft = self.root.join(format!(".tmp-build-{build}"));
        disk::remove_dir(&draft)?;
        self.store.fetch_all(&objects, &draft).await?;
        let fetched = draft.join(&place);
        let manifest = publish::manifest(&fetched)?;
        for file in &manifest.files {
            let found = publish::hash(&fetched.join(&file.path))?;
            if found != file.hash {
                return Err(RunError::Store(StoreError::Damaged {
                    place: format!("{place}/{}", file.path),
                    url: self.store.url().to_owned(),
                    expected: format!("the hash {}", file.hash),
                    found,
                }));
            }
        }
        disk::create_dir(&self.root.join("builds"))?;
        disk::rename(&fetched, &folder)?;
        Ok(disk::remove_dir(&draft)?)
    }

    /// Puts what is new into the store, and switches its pointer if another build is in force here.
    pub(super) async fn finish(self) -> Result<(), RunError> {
        let here = files(&self.root, &self.scope)?;
        let new: Vec<String> = here
            .iter()
            .filter(|(place, bytes)| self.there.get(*place) != Some(bytes))
            .map(|(place, _)| place.clone())
            .collect();
        let (sidecars, others): (Vec<String>, Vec<String>) = new.into_iter().partition(|place| is_sidecar(place));
        self.store.put_all(&others, &self.root).await?;
        self.store.put_all(&sidecars, &self.root).await?;
        let mut build = self.seen.pointer.as_ref().map(|pointer| pointer.build.clone());
        if matches!(self.scope, Scope::Whole)
            && let Some(published) = publish::current(&self.root)?
        {
            let wanted = self.wanted(&published.manifest)?;
            if self.seen.pointer.as_ref() != Some(&wanted) {
                self.put_build(&published.manifest).await?;
                self.store.switch(&self.seen, &wanted).await?;
            }
            self.retire(&wanted).await?;
            build = Some(wanted.build);
        }
        // Only now: until the switch the old build's readers may look for what it was made from.
        let removed: Vec<String> = self.there.keys().filter(|place| !here.contains_key(*place)).cloned().collect();
        self.store.remove_all(&removed).await?;
        let kept = Remote { there: here, ..self };
        kept.remember(build)
    }

    /// What the pointer is to say, with this build in force.
    fn wanted(&self, build: &Manifest) -> Result<Pointer, RunError> {
        let switches = publish::switches(&self.root)?.into_iter().map(|(at, build)| Switch { at, build }).collect();
        Ok(Pointer {
            build: build.build_id.clone(),
            switches,
            withdrawn: publish::withdrawn(&self.root)?,
            pins: publish::pins(&self.root)?,
        })
    }

    /// All files of a build, its manifest last: without it, it is no build.
    async fn put_build(&self, build: &Manifest) -> Result<(), RunError> {
        let folder = format!("builds/{}", build.build_id);
        let manifest = format!("{folder}/manifest.json");
        let there = self.store.list(&folder).await?;
        if there.contains_key(&manifest) {
            return Ok(());
        }
        let places = build.files.iter().map(|file| (format!("{folder}/{}", file.path), file.bytes));
        let places: Vec<String> =
            places.filter(|(place, bytes)| there.get(place) != Some(bytes)).map(|(place, _)| place).collect();
        self.store.put_all(&places, &self.root).await?;
        Ok(self.store.put_all(&[manifest], &self.root).await?)
    }

    /// Removes builds that nothing keeps, by the same rule as on disk.
    async fn retire(&self, pointer: &Pointer) -> Result<(), RunError> {
        let builds: Vec<String> = self.store.folders("builds").await?.into_iter().collect();
        let now = Timestamp::now();
        let replaced_at = |build: &str| {
            let last = pointer.switches.iter().rposition(|switch| switch.build == build)?;
            pointer.switches.get(last + 1).map(|next| next.at)
        };
        let most = builds.len().saturating_sub(self.keep_builds.max(1));
        for build in &builds[..most] {
            // One that never came into force, or so long ago that nobody remembers, has no readers.
            let is_read = replaced_at(build).is_some_and(|at| now.duration_since(at) < self.grace);
            if *build == pointer.build || pointer.pins.contains(build) || is_read {
                continue;
            }
            let folder = format!("builds/{build}");
            // Without its manifest it is no build any more.
            self.store.remove_all(&[format!("{folder}/manifest.json")]).await?;
            let rest: Vec<String> = self.store.list(&folder).await?.into_keys().collect();
            self.store.remove_all(&rest).await?;
        }
        Ok(())
    }

    fn remember(&self, build: Option<String>) -> Result<(), RunError> {
        let mut files: BTreeSet<String> = self.there.keys().cloned().collect();
        if let Scope::Pipelines(_) = &self.scope {
            // What lies outside of the scope is as it was.
            files.extend(memory(&self.root, self.store.url()).files.into_iter().filter(|place| !self.scope.has(place)));
        }
        let memory = Memory { url: self.store.url().to_owned(), files, build };
        // A struct of strings always has a JSON form.
        let text = serde_json::to_vec(&memory).unwrap_or_default();
        Ok(disk::write_atomic(&self.root.join(MEMORY), &text)?)
    }
}

/// What has been changed here is changed in the store, too; nothing to do where the data root is a folder.
pub(super) async fn finish(remote: Option<Remote>) -> Result<(), RunError> {
    match remote {
        Some(remote) => remote.finish().await,
        None => Ok(()),
    }
}

impl Project {
    /// The object store of the data root; none where that is a folder.
    pub(super) fn store(&self) -> Result<Option<Store>, RunError> {
        self.store_at(self.settings.storage.url.as_ref())
    }

    /// The store at an address, opened with what the settings say of stores.
    pub(super) fn store_at(&self, url: Option<&url::Url>) -> Result<Option<Store>, RunError> {
        Ok(url.map(|url| Store::open(url, &self.settings.storage.options)).transpose()?)
    }
}

/// Every machine must hash members with the same key, so that none may make one of its own.
fn refuse_keys(project: &Project) -> Result<(), RunError> {
    let is_live = project.settings.profile == Profile::Live;
    let has_members = project.enabled().any(|pipeline| pipeline.kind == Kind::Memberships);
    match is_live && has_members && project.settings.hash_key()?.is_none() {
        false => Ok(()),
        true => Err(RunError::Spec(SpecError::Settings {
            message: "registers of members need `privacy.hash_key`, since several machines may load them".into(),
            hint: Some("set TEJIDO__PRIVACY__HASH_KEY to the same key on each of them".into()),
        })),
    }
}

/// What the store had when it was last met; nothing, if that was another one.
fn memory(root: &Path, url: &str) -> Memory {
    let text = disk::read(&root.join(MEMORY)).unwrap_or_default();
    let memory: Option<Memory> = serde_json::from_slice(&text).ok();
    memory.filter(|memory| memory.url == url).unwrap_or_default()
}

/// The files that are kept in common, by their place, with their sizes.
fn files(root: &Path, scope: &Scope) -> Result<BTreeMap<String, u64>, DiskError> {
    let mut found = BTreeMap::new();
    for folder in SHARED {
        for path in disk::files_below(&root.join(folder))? {
            let place = format!("{folder}/{path}");
            if scope.has(&place) {
                let bytes = disk::size_bytes(&root.join(&place))?;
                found.insert(place, bytes);
            }
        }
    }
    Ok(found)
}

fn is_sidecar(place: &str) -> bool {
    place.starts_with("archive/") && place.ends_with(".json")
}
