//! The folders that models stand in.

use std::path::{Path, PathBuf};

use super::{Layer, WarehouseError};
use crate::disk;
use crate::error::nearest;

/// An error where a file of SQL is beside the folders of models, or deeper in one.
pub(super) fn misplaced(folder: &Path) -> Result<(), WarehouseError> {
    let known = || Layer::ALL.iter().map(|(_, name)| *name).chain(["macros"]);
    for name in disk::list(folder)? {
        let path = folder.join(&name);
        let places = match known().any(|known| known == name) {
            true => {
                disk::list(&path)?.iter().filter(|name| !name.ends_with(".sql")).map(|name| path.join(name)).collect()
            }
            false => vec![path],
        };
        for place in places {
            if let Some(path) = sql_in(place)? {
                return Err(WarehouseError::Misplaced { path, near: nearest(&name, known()).map(str::to_owned) });
            }
        }
    }
    Ok(())
}

/// A file of SQL that is this one, or anywhere below it.
fn sql_in(path: PathBuf) -> Result<Option<PathBuf>, WarehouseError> {
    if !disk::is_dir(&path) {
        return Ok(Some(path).filter(|path| path.extension().is_some_and(|name| name == "sql")));
    }
    for name in disk::list(&path)? {
        if let Some(found) = sql_in(path.join(name))? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_file_of_sql_is_left_out_without_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str| disk::write_atomic(&folder.path().join(path), b"select 1").unwrap();
        let refused = |path: &str| {
            write(path);
            let error = misplaced(folder.path()).unwrap_err();
            std::fs::remove_file(folder.path().join(path)).unwrap();
            error
        };
        for path in ["marts/a.sql", "macros/b.sql", "marts/notes.md", "README.md", "drafts/notes.md"] {
            write(path);
        }
        misplaced(folder.path()).unwrap();
        for path in ["a.sql", "marts/old/a.sql", "drafts/deep/a.sql"] {
            assert!(matches!(refused(path), WarehouseError::Misplaced { path: found, .. } if found.ends_with(path)));
        }
        assert!(matches!(refused("mart/a.sql"), WarehouseError::Misplaced { near: Some(near), .. } if near == "marts"));
    }
}
