//! The one object that changes: which build is in force, and what is remembered of those before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use object_store::{ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion};
use serde::{Deserialize, Serialize};

use super::{Result, Store, StoreError};

/// Its name below the root.
const PLACE: &str = "published.json";

/// What `published.json` says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// The build in force: its files are below `builds/<build>/`.
    pub build: String,
    /// When which build came into force, oldest first.
    pub switches: Vec<Switch>,
    /// Builds that were gone back from, with the fingerprint of what they were made from.
    pub withdrawn: BTreeMap<String, String>,
    /// Builds that are never removed.
    pub pins: BTreeSet<String>,
}

/// A build that came into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// When.
    pub at: Timestamp,
    /// Which one.
    #[serde(rename = "build_id")]
    pub build: String,
}

/// A version of the pointer as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it said; none where there was none.
    pub pointer: Option<Pointer>,
    version: Option<UpdateVersion>,
}

impl Store {
    /// The pointer as it is now.
    pub async fn pointer(&self) -> Result<Seen> {
        let refused = || self.refused("read", PLACE);
        let found = match self.objects.get(&self.place(PLACE)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(Seen { pointer: None, version: None }),
            found => found.map_err(refused())?,
        };
        let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        let bytes = found.bytes().await.map_err(refused())?;
        let pointer =
            serde_json::from_slice(&bytes).map_err(|source| StoreError::Pointer { url: self.url.clone(), source })?;
        Ok(Seen { pointer: Some(pointer), version: Some(version) })
    }

    /// Puts another pointer in the place of the one that was seen, if it is still there.
    pub async fn switch(&self, seen: &Seen, pointer: &Pointer) -> Result<()> {
        // A struct of strings always has a JSON form.
        let text = serde_json::to_vec_pretty(pointer).unwrap_or_default();
        let mode = seen.version.clone().map_or(PutMode::Create, PutMode::Update);
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.objects.put_opts(&self.place(PLACE), PutPayload::from(text), options).await {
            Ok(_) => Ok(()),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. }
                | object_store::Error::NotFound { .. },
            ) => match self.pointer().await?.pointer {
                // The answer to an earlier try was lost.
                Some(there) if there == *pointer => Ok(()),
                there => Err(StoreError::Overtaken { url: self.url.clone(), build: there.map(|there| there.build) }),
            },
            Err(source) => Err(self.refused("write", PLACE)(source)),
        }
    }
}
