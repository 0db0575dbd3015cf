//! The key that members' tax numbers are hashed with: from the settings, or one that the first run makes.

use std::path::Path;

use super::{Project, RunError};
use crate::disk::{self, Pending};
use crate::spec::{Kind, SpecError};

/// The file below the data root with the key that a run has made.
const FILE: &str = "hash.key";

/// Random bytes of a key.
const BYTES: usize = 32;

impl Project {
    /// The key; empty where none is needed yet.
    pub(super) fn hash_key(&self) -> Result<String, RunError> {
        Ok(match self.settings.hash_key()? {
            Some(key) => key.to_owned(),
            None => kept(&self.key_file)?.unwrap_or_default(),
        })
    }

    /// Makes a key if registers of members are to be loaded and there is none.
    pub(super) fn ensure_hash_key(&self) -> Result<(), RunError> {
        let needed = self.enabled().any(|pipeline| pipeline.kind == Kind::Memberships);
        if !needed || !self.hash_key()?.is_empty() {
            return Ok(());
        }
        let root = self.key_file.parent().unwrap_or(Path::new("."));
        if disk::exists(&root.join("lake/memberships")) {
            return Err(wrong(
                format!(
                    "the members in the lake were hashed with a key, and there is no `{}`",
                    self.key_file.display()
                ),
                "put the file back from your backup, or set `privacy.hash_key`; to begin anew with another key, remove lake/memberships",
            ));
        }
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|error| {
            wrong(format!("the system gave no random bytes for a key: {error}"), "set `privacy.hash_key`")
        })?;
        let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut pending = Pending::create_private_in(root)?;
        pending.write_text(&key)?;
        pending.commit(&self.key_file)?;
        tracing::warn!(
            "made a key for the hashes of members, `{}`: back it up, another key gives other hashes",
            self.key_file.display()
        );
        Ok(())
    }
}

/// The key of a data root.
pub(super) fn file(root: &Path) -> std::path::PathBuf {
    root.join(FILE)
}

/// The key in the file, if there is one.
fn kept(path: &Path) -> Result<Option<String>, RunError> {
    let text = match disk::read_text(path) {
        Err(error) if error.is_not_found() => return Ok(None),
        text => text?,
    };
    if disk::is_open_to_others(path)? {
        return Err(wrong(
            format!("others than its owner may read `{}`", path.display()),
            "`chmod 600` it; if somebody may have read it, remove it and lake/memberships: the next run makes another one",
        ));
    }
    match text.trim() {
        "" => Err(wrong(format!("there is no key in `{}`", path.display()), "put it back from your backup")),
        key => Ok(Some(key.to_owned())),
    }
}

fn wrong(message: String, hint: &str) -> RunError {
    RunError::Spec(SpecError::Settings { message, hint: Some(hint.to_owned()) })
}
