//! Files of a data root in an object store: listing, fetching, putting, and one pointer that is switched.
//!
//! ```text
//! archive/… lake/… builds/<build-id>/…   as on disk; an object is never written twice
//! published.json                         which build is in force, and which ones were: the one object that changes
//! ```
//! An object appears whole or not at all, which stores promise. The pointer is written on the condition that it is still
//! what was read (`If-Match`, or `If-None-Match: *` where there was none), so that of two machines that publish at once one
//! learns that it came too late. What was refused or timed out is tried again by the library, and where the answer to a write
//! was lost, what stands there now says whether it had arrived.

mod pointer;

pub use pointer::{Pointer, Seen, Switch};

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use object_store::path::Path as Place;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, WriteMultipart};
use url::Url;

use crate::disk::{self, DiskError, Pending};
use crate::error::Hint;

/// Larger files are put in parts of this size.
const PART_BYTES: u64 = 16 << 20;

/// How often a write is begun again whose connection broke, and the wait before the first time; doubled each time.
const RETRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Transfers at once.
const TRANSFERS: usize = 16;

/// A store that did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The address or its options cannot be used.
    #[error("`{url}` cannot be used as `storage.root`")]
    Address {
        /// The address.
        url: String,
        /// Why not.
        source: Box<object_store::Error>,
    },
    /// The store refused, or could not be reached.
    #[error("could not {action} `{place}` in `{url}`")]
    Refused {
        /// What was tried.
        action: &'static str,
        /// With which object.
        place: String,
        /// In which store.
        url: String,
        /// Why not.
        source: Box<object_store::Error>,
    },
    /// An object is not what it should be.
    #[error("expected {expected} of `{place}` in `{url}`, found {found}")]
    Damaged {
        /// The object.
        place: String,
        /// The store.
        url: String,
        /// Its size or hash, as it should be.
        expected: String,
        /// As it is.
        found: String,
    },
    /// Another machine has published in the meantime.
    #[error("`{url}` was published to by another run in the meantime{}", build.as_ref().map(|build| format!(": `{build}`")).unwrap_or_default())]
    Overtaken {
        /// The store.
        url: String,
        /// What it published.
        build: Option<String>,
    },
    /// The pointer is no JSON of this program.
    #[error("expected a pointer in `published.json` of `{url}`, found something else")]
    Pointer {
        /// The store.
        url: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl Hint for StoreError {
    fn hint(&self) -> Option<String> {
        use object_store::Error;
        match self {
            StoreError::Disk(error) => error.hint(),
            StoreError::Address { .. } => Some(
                "such as `s3://bucket/folder`, with `[storage.options]` or the provider's variables (`AWS_ENDPOINT_URL`, `AWS_REGION`, …)"
                    .into(),
            ),
            StoreError::Refused { source, .. }
                if matches!(**source, Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) =>
            {
                Some(
                    "give the credentials of this process (`AWS_ACCESS_KEY_ID` …, which may have expired) the right to list, read, write and delete there; nothing was published"
                        .into(),
                )
            }
            StoreError::Refused { source, .. }
                if matches!(**source, Error::NotFound { .. }) || format!("{source:?}").contains("NoSuchBucket") =>
            {
                Some("make the bucket, or correct `storage.root`; if only this object is gone, run again".into())
            }
            StoreError::Refused { .. } => {
                Some("what was fetched is kept on this machine, and the next run puts it there; nothing was published".into())
            }
            StoreError::Damaged { .. } => Some("run again; if it stays so, remove the object: the next run puts it there anew".into()),
            StoreError::Overtaken { .. } => Some("run again: it builds on what the other one has published".into()),
            StoreError::Pointer { .. } => Some("another version of this program may have written it; or correct `storage.root`".into()),
        }
    }
}

type Result<T> = std::result::Result<T, StoreError>;

/// A folder of an object store.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    root: Place,
    url: String,
}

impl Store {
    /// The folder at an address such as `s3://bucket/folder`. `options` are those of the library, by names such as
    /// `aws_endpoint`; what they leave open is taken from the environment.
    pub fn open(url: &Url, options: &BTreeMap<String, String>) -> Result<Self> {
        let wrong = |source| StoreError::Address { url: url.to_string(), source: Box::new(source) };
        let known = |name: &String| ["aws_", "azure_", "google_"].iter().any(|prefix| name.starts_with(prefix));
        let mut all: BTreeMap<String, String> = std::env::vars()
            .map(|(name, value)| (name.to_lowercase(), value))
            .filter(|(name, _)| known(name))
            .collect();
        all.extend(options.iter().map(|(name, value)| (name.to_lowercase(), value.clone())));
        let (objects, root) = object_store::parse_url_opts(url, all).map_err(wrong)?;
        Ok(Store { objects: Arc::from(objects), root, url: url.to_string() })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The objects below a folder, by their place below the root, with their sizes.
    pub async fn list(&self, below: &str) -> Result<BTreeMap<String, u64>> {
        let place = self.place(below);
        let mut objects = self.objects.list(Some(&place));
        let mut found = BTreeMap::new();
        while let Some(object) = objects.try_next().await.map_err(self.refused("list", below))? {
            if let Some(relative) = object.location.as_ref().strip_prefix(self.prefix().as_str()) {
                found.insert(relative.to_owned(), object.size);
            }
        }
        Ok(found)
    }

    /// The folders directly below one.
    pub async fn folders(&self, below: &str) -> Result<BTreeSet<String>> {
        let place = self.place(below);
        let found = self.objects.list_with_delimiter(Some(&place)).await.map_err(self.refused("list", below))?;
        Ok(found.common_prefixes.iter().filter_map(|folder| folder.filename().map(str::to_owned)).collect())
    }

    /// Puts objects into files below `folder`, each whole or not at all; many at once.
    pub async fn fetch_all(&self, objects: &[(String, u64)], folder: &Path) -> Result<()> {
        together(objects.iter().map(|(place, bytes)| self.fetch(place, *bytes, folder.join(place)).boxed()).collect())
            .await
    }

    async fn fetch(&self, place: &str, bytes: u64, file: std::path::PathBuf) -> Result<()> {
        let refused = || self.refused("read", place);
        let mut body = self.objects.get(&self.place(place)).await.map_err(refused())?.into_stream();
        let mut pending = Pending::create_in(file.parent().unwrap_or(Path::new(".")))?;
        let mut found = 0;
        while let Some(part) = body.try_next().await.map_err(refused())? {
            pending.write_all(&part).map_err(|source| writing(&file, source))?;
            found += part.len() as u64;
        }
        if found != bytes {
            return Err(StoreError::Damaged {
                place: place.to_owned(),
                url: self.url.clone(),
                expected: format!("{bytes} bytes"),
                found: format!("{found} bytes"),
            });
        }
        Ok(pending.commit(&file)?)
    }

    /// Puts files at their place below the root, from the same place below `folder`; many at once. What stands there with
    /// the same size is taken to be the same: a name is never given to two contents.
    pub async fn put_all(&self, places: &[String], folder: &Path) -> Result<()> {
        together(places.iter().map(|place| self.put(place, folder.join(place)).boxed()).collect()).await
    }

    /// The library does not repeat a write whose connection broke, since it may have arrived: here that does not matter.
    async fn put(&self, place: &str, file: std::path::PathBuf) -> Result<()> {
        let mut wait = FIRST_WAIT;
        for _ in 0..RETRIES {
            match self.put_once(place, &file).await {
                Err(StoreError::Refused { source, .. }) if matches!(*source, object_store::Error::Generic { .. }) => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                outcome => return outcome,
            }
        }
        self.put_once(place, &file).await
    }

    async fn put_once(&self, place: &str, file: &Path) -> Result<()> {
        let bytes = disk::size_bytes(file)?;
        if bytes > PART_BYTES {
            return self.put_in_parts(place, file).await;
        }
        let body = PutPayload::from(disk::read(file)?);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.objects.put_opts(&self.place(place), body, options).await {
            Ok(_) => Ok(()),
            // It was there, or the answer to an earlier try was lost.
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                let there = self.objects.head(&self.place(place)).await.map_err(self.refused("look at", place))?;
                match there.size == bytes {
                    true => Ok(()),
                    false => Err(StoreError::Damaged {
                        place: place.to_owned(),
                        url: self.url.clone(),
                        expected: format!("{bytes} bytes"),
                        found: format!("{} bytes", there.size),
                    }),
                }
            }
            Err(source) => Err(self.refused("write", place)(source)),
        }
    }

    async fn put_in_parts(&self, place: &str, file: &Path) -> Result<()> {
        let refused = || self.refused("write", place);
        let upload = self.objects.put_multipart(&self.place(place)).await.map_err(refused())?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES as usize);
        let mut open = disk::open(file)?;
        let mut block = vec![0; 1 << 20];
        loop {
            let read = open.read(&mut block).map_err(|source| DiskError::reading(file, source))?;
            if read == 0 {
                break;
            }
            parts.wait_for_capacity(4).await.map_err(refused())?;
            parts.write(&block[..read]);
        }
        parts.finish().await.map_err(refused()).map(drop)
    }

    /// Removes objects; those that are gone already are no error.
    pub async fn remove_all(&self, places: &[String]) -> Result<()> {
        together(places.iter().map(|place| self.remove(place).boxed()).collect()).await
    }

    async fn remove(&self, place: &str) -> Result<()> {
        match self.objects.delete(&self.place(place)).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            outcome => outcome.map_err(self.refused("remove", place)),
        }
    }

    fn place(&self, below: &str) -> Place {
        // `Place` takes slashes of what is given to `join` for a part of a name.
        Place::from(format!("{}{below}", self.prefix()))
    }

    fn prefix(&self) -> String {
        match self.root.as_ref() {
            "" => String::new(),
            root => format!("{root}/"),
        }
    }

    fn refused(&self, action: &'static str, place: &str) -> impl FnOnce(object_store::Error) -> StoreError {
        let (place, url) = (place.to_owned(), self.url.clone());
        move |source| StoreError::Refused { action, place, url, source: Box::new(source) }
    }
}

/// Many at once; the first that fails ends them all.
async fn together(transfers: Vec<BoxFuture<'_, Result<()>>>) -> Result<()> {
    futures_util::stream::iter(transfers).buffer_unordered(TRANSFERS).try_collect::<Vec<()>>().await.map(drop)
}

fn writing(file: &Path, source: std::io::Error) -> StoreError {
    StoreError::Disk(DiskError::Io { action: "write", path: file.to_path_buf(), source })
}
