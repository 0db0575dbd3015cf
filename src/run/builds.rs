//! The builds that are kept: which one readers see, going back to another one, keeping one for good.

use jiff::Timestamp;

use super::{Project, RunError, lock};
use crate::publish::{self, Kept};

/// All builds, oldest first.
pub fn kept(project: &Project) -> Result<Vec<Kept>, RunError> {
    Ok(publish::kept(&project.settings.storage.root)?)
}

/// Lets `published` point at a build: at the one before the present one if none is named. Gives its name.
pub fn roll_back(project: &Project, name: Option<&str>) -> Result<String, RunError> {
    let root = &project.settings.storage.root;
    // Not while a run is about to switch.
    let _lock = lock(root)?;
    let kept = publish::kept(root)?;
    let id = match name {
        Some(name) => named(&kept, name)?,
        None => {
            let current = kept.iter().position(|build| build.is_published);
            let before = current.and_then(|at| kept[..at].iter().rfind(|build| !build.is_withdrawn));
            let before = before.ok_or_else(|| RunError::Argument {
                message: "there is no build before the published one".into(),
                hint: "`tejido builds` lists them".into(),
            })?;
            before.build.manifest.build_id.clone()
        }
    };
    publish::roll_back(root, &id, Timestamp::now())?;
    Ok(id)
}

/// Keeps a build whatever its age, or no longer. Gives its name.
pub fn pin(project: &Project, name: &str, is_pinned: bool) -> Result<String, RunError> {
    let root = &project.settings.storage.root;
    let _lock = lock(root)?;
    let id = named(&publish::kept(root)?, name)?;
    publish::pin(root, &id, is_pinned)?;
    Ok(id)
}

/// The only build whose name begins like this.
fn named(kept: &[Kept], name: &str) -> Result<String, RunError> {
    let ids = kept.iter().map(|build| build.build.manifest.build_id.as_str());
    let found: Vec<&str> = ids.filter(|id| id.starts_with(name)).collect();
    match found.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(RunError::Argument {
            message: format!("expected a build, found `{name}`"),
            hint: "`tejido builds` lists them".into(),
        }),
        several => Err(RunError::Argument {
            message: format!("expected one build, found {} that begin with `{name}`", several.len()),
            hint: "give more of its name".into(),
        }),
    }
}
