//! Which models are meant: names, what they read (`+name`), what reads them (`name+`), a layer, what has changed.

use std::collections::BTreeSet;

use super::build::ModelResult;
use super::model::{Layer, Model, Models};
use crate::error::nearest;

/// How a model stands beside the published build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The build has it with this SELECT.
    Published,
    /// The build has it with another SELECT.
    Changed,
    /// The build does not have it.
    New,
}

impl Standing {
    /// How a model stands beside the models of a build.
    pub fn of(model: &Model, published: &[ModelResult]) -> Self {
        match published.iter().find(|other| other.name == model.name) {
            Some(other) if other.select_hash == model.select_hash => Standing::Published,
            Some(_) => Standing::Changed,
            None => Standing::New,
        }
    }
}

/// A selection that names nothing that there is: what was expected and found, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchModels {
    /// What was expected and what was found.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Models {
    /// The models that any of these selectors means, in the order in which they run; all where there is none.
    ///
    /// A selector is `name`, `layer:staging`, `layer:intermediate`, `layer:marts` or `changed`, with `+` before it for
    /// all that it reads and `+` behind it for all that reads it. Several may stand in one text with commas.
    pub fn select(&self, selectors: &[String], published: &[ModelResult]) -> Result<Vec<&Model>, NoSuchModels> {
        if selectors.is_empty() {
            return Ok(self.all.iter().collect());
        }
        let selectors: Vec<&str> =
            selectors.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty()).collect();
        // An empty variable of a script is not meant as all of them.
        if selectors.is_empty() {
            return Err(NoSuchModels {
                message: "expected a model, found an empty selector".into(),
                hint: "leave the selector out for all models; `tejido models` lists them".into(),
            });
        }
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        for selector in selectors {
            let (with_read, rest) = selector.strip_prefix('+').map_or((false, selector), |rest| (true, rest));
            let (with_readers, core) = rest.strip_suffix('+').map_or((false, rest), |core| (true, core));
            let mut meant: BTreeSet<&str> = self.meant(core, published)?.into_iter().collect();
            if with_readers {
                // Models stand after those that they read.
                for model in &self.all {
                    if model.reads.iter().any(|name| meant.contains(name.as_str())) {
                        meant.insert(&model.name);
                    }
                }
            }
            if with_read {
                for model in self.all.iter().rev() {
                    if meant.contains(model.name.as_str()) {
                        meant.extend(model.reads.iter().map(String::as_str));
                    }
                }
            }
            wanted.extend(meant);
        }
        Ok(self.all.iter().filter(|model| wanted.contains(model.name.as_str())).collect())
    }

    fn meant(&self, core: &str, published: &[ModelResult]) -> Result<Vec<&str>, NoSuchModels> {
        if core == "changed" {
            let changed = self.all.iter().filter(|model| Standing::of(model, published) != Standing::Published);
            return Ok(changed.map(|model| model.name.as_str()).collect());
        }
        if let Some(layer) = core.strip_prefix("layer:") {
            let layers = [("staging", Layer::Staging), ("intermediate", Layer::Intermediate), ("marts", Layer::Mart)];
            let layer = layers.iter().find(|(name, _)| *name == layer).map(|(_, layer)| *layer);
            let layer = layer.ok_or_else(|| NoSuchModels {
                message: format!("expected a layer, found `{core}`"),
                hint: "there are `layer:staging`, `layer:intermediate` and `layer:marts`".into(),
            })?;
            return Ok(self.all.iter().filter(|model| model.layer == layer).map(|model| model.name.as_str()).collect());
        }
        match self.all.iter().find(|model| model.name == core) {
            Some(model) => Ok(vec![&model.name]),
            None => Err(NoSuchModels {
                message: format!("expected a model, found `{core}`"),
                hint: match nearest(core, self.all.iter().map(|model| model.name.as_str())) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`tejido models` lists them; a selector is a name, `layer:…` or `changed`, with `+`".into(),
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_empty_selector_is_not_all_models() {
        let models = Models::default();
        assert!(models.select(&[], &[]).unwrap().is_empty());
        for empty in ["", " , "] {
            let none = models.select(&[empty.to_owned()], &[]).unwrap_err();
            assert_eq!(none.message, "expected a model, found an empty selector");
        }
    }
}
