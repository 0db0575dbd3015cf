//! `[request]`: that every address is one, with the variables that its use needs.

use toml::Spanned;

use super::Validator;
use crate::spec::SpecError;
use crate::spec::pipeline::{Edition, substitute};
use crate::spec::request::{FOUND, with_variable};

impl Validator<'_> {
    /// What does not differ from edition to edition.
    pub(super) fn request(&self) -> Result<(), SpecError> {
        let request = &self.pipeline.request;
        for address in request.deferred.iter().flat_map(|places| [&places.status, &places.data]) {
            if !address.starts_with("https://") && !address.starts_with("http://") || !address.contains("{key}") {
                let message = format!("expected an address with `{{key}}`, found `{address}`");
                let hint = "such as `https://…/async/status/{key}` and `https://…/async/data/{key}`";
                return Err(self.wrong(self.find(address), &message, Some(hint)));
            }
        }
        if let Some(discover) = &request.discover {
            let place = self.find("[request.discover]");
            if discover.patterns.is_empty() {
                let hint = "which entry of the list is meant, such as `match = { title = \"*ICT*\" }`";
                return Err(self.wrong(place, "expected a pattern in `match`, found none", Some(hint)));
            }
            let addresses = [Some(&request.url), request.split.as_ref().map(|split| &split.url)];
            if let Some(url) =
                addresses.into_iter().flatten().find(|url| !url.get_ref().contains(&format!("{{{FOUND}}}")))
            {
                let message = format!("expected an address with `{{{FOUND}}}`, found `{}`", url.get_ref());
                let hint = "`[request.discover]` finds it; without `{found}` the source is asked for nothing";
                return Err(self.wrong(url.span(), &message, Some(hint)));
            }
        }
        if let Some(split) = &request.split {
            if request.pages.is_some() {
                let hint = "a table comes in pages or is split, not both";
                return Err(self.wrong(
                    self.find("[request.split]"),
                    "expected one way into parts, found two",
                    Some(hint),
                ));
            }
            let parts = split.parts.get_ref();
            let twice = parts.iter().enumerate().find(|(at, part)| parts[..*at].contains(part));
            if parts.len() < 2 || twice.is_some() || parts.iter().any(String::is_empty) {
                let message = "expected at least two `parts`, each of them once";
                return Err(self.wrong(split.parts.span(), message, Some("codes that together are the whole table")));
            }
        }
        if let Some(pages) = request.pages.as_ref().filter(|pages| pages.most == 0) {
            let message = format!("expected `most` from 1 on, found {}", pages.most);
            return Err(self.wrong(self.find("most"), &message, None));
        }
        Ok(())
    }

    /// The addresses of an edition.
    pub(super) fn addresses(&self, edition: &Spanned<Edition>) -> Result<(), SpecError> {
        let request = &self.pipeline.request;
        let mut known = edition.clone();
        if let Some(discover) = &request.discover {
            self.address(&discover.url, edition, None)?;
            for pattern in discover.patterns.values() {
                self.variables(pattern, edition)?;
                if let Err(error) = globset::Glob::new(pattern.get_ref()) {
                    return Err(self.wrong(pattern.span(), &error.to_string(), None));
                }
            }
            known.get_mut().variables.insert(FOUND.to_owned(), "1".to_owned());
        }
        let edition = &known;
        match &request.pages {
            None => self.address(&request.url, edition, None)?,
            Some(_) => self.address(&request.url, edition, Some("page"))?,
        }
        if let Some(check) = &request.check {
            self.address(&check.url, edition, None)?;
        }
        if let Some(split) = &request.split {
            self.address(&split.url, edition, Some("part"))?;
        }
        Ok(())
    }

    /// One address, in which `variable` must stand besides those of the edition.
    fn address(
        &self,
        url: &Spanned<String>,
        edition: &Spanned<Edition>,
        variable: Option<&str>,
    ) -> Result<(), SpecError> {
        let filled = match variable {
            None => {
                self.variables(url, edition)?;
                substitute(url.get_ref(), edition.get_ref()).unwrap_or_default()
            }
            Some(name) if !url.get_ref().contains(&format!("{{{name}}}")) => {
                let message = format!("expected an address with `{{{name}}}`, found `{}`", url.get_ref());
                return Err(self.wrong(url.span(), &message, None));
            }
            Some(name) => {
                let filled = with_variable(url.get_ref(), edition.get_ref(), name, "1");
                if filled.is_err() {
                    self.variables(url, edition)?;
                }
                filled.unwrap_or_default()
            }
        };
        let is_address =
            url::Url::parse(&filled).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_address {
            let message = format!("expected an http or https address, found `{filled}`");
            return Err(self.wrong(url.span(), &message, None));
        }
        Ok(())
    }
}
