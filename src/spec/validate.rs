//! What only the whole of a pipeline's file can tell: that every canonical column is given exactly once, that
//! codelists, crosswalks and `{variables}` exist, that names can become folders. Each error underlines its place.

mod request;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::members::Members;
use super::pipeline::{CanonicalColumn, Dimension, Edition, Kind, Pipeline, substitute};
use super::{Codelists, RELATION, SpecError};
use crate::decode::Format;
use crate::error::{Snippet, nearest};

/// A pipeline's file and what it may refer to.
pub(super) struct Validator<'a> {
    pub path: &'a Path,
    pub text: &'a str,
    pub codelists: &'a Codelists,
    pub pipeline: &'a Pipeline,
}

impl Validator<'_> {
    pub fn validate(&self) -> Result<(), SpecError> {
        let pipeline = self.pipeline;
        if pipeline.editions.is_empty() {
            return Err(self.wrong(
                0..0,
                "expected at least one `[[editions]]`, found none",
                Some("add `[[editions]]` with `dataset = \"…\"`"),
            ));
        }
        self.quality()?;
        self.decoding()?;
        self.request()?;
        self.schedule()?;
        for (at, edition) in pipeline.editions.iter().enumerate() {
            let dataset = &edition.get_ref().dataset;
            let earlier = pipeline.editions[..at].iter().any(|other| other.get_ref().dataset == *dataset);
            if earlier || pipeline.kind == Kind::Memberships && at > 0 {
                let message = match earlier {
                    true => format!("the table `{dataset}` stands a second time"),
                    false => "expected one edition of a register of members, found several".to_owned(),
                };
                return Err(self.wrong(edition.span(), &message, Some("each table is one edition of one pipeline")));
            }
            self.file_name("dataset", dataset, edition.span())?;
            self.addresses(edition)?;
            for value in pipeline.constants.values() {
                self.variables(value, edition)?;
            }
        }
        match pipeline.kind {
            Kind::Memberships if pipeline.members.is_none() => {
                Err(self.wrong(0..0, "expected a table `[members]` in a pipeline of memberships, found none", None))
            }
            Kind::Memberships => Ok(()),
            Kind::Observations => self.observations(),
        }
    }

    fn quality(&self) -> Result<(), SpecError> {
        let quality = &self.pipeline.quality;
        for (name, share) in [
            ("max_quarantined_share", quality.max_quarantined_share),
            ("max_withdrawn_share", quality.max_withdrawn_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                let message = format!("expected `{name}` between 0 and 1, found {share}");
                return Err(self.wrong(self.find(name), &message, None));
            }
        }
        Ok(())
    }

    fn schedule(&self) -> Result<(), SpecError> {
        let Some(schedule) = &self.pipeline.schedule else {
            return Ok(());
        };
        // The settings' own time zone is looked at with the settings.
        if let Err(message) = schedule.timetable("UTC") {
            let span = match (&schedule.timezone, message.contains("time zone")) {
                (Some(zone), true) => zone.span(),
                _ => schedule.cron.span(),
            };
            let hint = "minute, hour, day of the month, month, day of the week, such as `30 6 * * 1`; time zones are those of the IANA, such as `Europe/Madrid`";
            return Err(self.wrong(span, &message, Some(hint)));
        }
        if let (Some(missed), None) = (&schedule.missed, schedule.missed()) {
            let message = format!("expected `latest`, `none` or a span, found `{}`", missed.get_ref());
            return Err(self.wrong(missed.span(), &message, Some("a span is such as `12h` or `2d`")));
        }
        if let (Some(expected), None) = (&schedule.expected, schedule.release()) {
            let message = format!("expected a release calendar, found `{}`", expected.get_ref());
            let hint = "such as `yearly by 31 October`, `monthly by 15` or `every 7 days`";
            return Err(self.wrong(expected.span(), &message, Some(hint)));
        }
        Ok(())
    }

    fn decoding(&self) -> Result<(), SpecError> {
        if let Some(label) = &self.pipeline.decode.encoding
            && encoding_rs::Encoding::for_label(label.as_bytes()).is_none()
            // It also takes code pages of DOS, which no browser knows.
            && self.pipeline.decode.format != Format::PcAxis
        {
            let hint = "labels are those of the WHATWG, such as `windows-1252`, `iso-8859-15`, `utf-8`";
            return Err(self.wrong(self.find(label), &format!("the encoding `{label}` is not known"), Some(hint)));
        }
        self.columns()?;
        let Some(members) = &self.pipeline.members else {
            return Ok(());
        };
        let day = jiff::civil::Date::constant(2024, 12, 31);
        let written = jiff::fmt::strtime::format(&members.date_format, day);
        let read = written.ok().and_then(|text| jiff::civil::Date::strptime(&members.date_format, text).ok());
        if read != Some(day) {
            let message = format!("expected the form of a date, found `{}`", members.date_format);
            let hint = "such as `%d/%m/%Y`: `%d` day, `%m` month, `%Y` year";
            return Err(self.wrong(self.find(&members.date_format), &message, Some(hint)));
        }
        self.forces(members)?;
        self.file_name("cluster", &members.cluster, self.find(&members.cluster))
    }

    /// That a column of declared forces comes with the names that it has for them, and these lead to known ones.
    fn forces(&self, members: &Members) -> Result<(), SpecError> {
        if members.forces.is_some() == members.force_names.is_empty() {
            let message = "expected both `forces` and `[members.force_names]`, found one of them";
            let hint = "`forces` names the column, `[members.force_names]` what it calls each force";
            return Err(self.wrong(self.find("force"), message, Some(hint)));
        }
        let list = self.codelists.get("driving_forces");
        let unknown = members.force_names.values().find(|code| !list.is_some_and(|list| list.contains(code)));
        let Some(code) = unknown else {
            return Ok(());
        };
        let near = list.and_then(|list| nearest(code, list.codes())).map(|near| format!("did you mean `{near}`?"));
        let message = format!("expected a code of driving_forces.csv, found `{code}`");
        Err(self.wrong(self.find(&format!("\"{code}\"")), &message, near.as_deref()))
    }

    /// That the keys of `[decode]` about columns fit the format, the kind and each other.
    fn columns(&self) -> Result<(), SpecError> {
        let decode = &self.pipeline.decode;
        let is_workbook = matches!(decode.format, Format::Xlsx | Format::Ods);
        let has_columns = is_workbook || decode.format == Format::Delimited;
        let is_register = self.pipeline.kind == Kind::Memberships;
        if has_columns && !is_register && decode.value.is_none() {
            let message = "expected a key `value` in `[decode]`, found none";
            return Err(self.wrong(
                self.find("[decode]"),
                message,
                Some("name the column that holds the observed value"),
            ));
        }
        let of_observations = has_columns && !is_register;
        let has_measure = of_observations || decode.format == Format::SdmxCsv;
        for (key, given, fits, wanted) in [
            ("sheet", decode.sheet.is_some(), is_workbook, "a workbook"),
            ("header", decode.header.is_some(), has_columns, "delimited text or a workbook"),
            ("columns", !decode.columns.is_empty(), of_observations, "observations in delimited text or a workbook"),
            ("value", decode.value.is_some(), has_measure, "observations in SDMX-CSV, delimited text or a workbook"),
            ("time", decode.time.is_some(), of_observations, "observations in delimited text or a workbook"),
            ("flag", decode.flag.is_some(), of_observations, "observations in delimited text or a workbook"),
            ("name_part", decode.name_part.is_some(), decode.format == Format::IneTempus, "`ine-tempus`"),
        ] {
            if given && !fits {
                let message = format!("the key `{key}` of `[decode]` is for {wanted}");
                let hint = is_register.then_some("`[members]` names the columns of a register");
                return Err(self.wrong(self.find(&format!("\n{key}")), &message, hint));
            }
        }
        match decode.header {
            Some(0) => Err(self.wrong(self.find("\nheader"), "expected `header` from 1 on, found 0", None)),
            _ => Ok(()),
        }
    }

    /// Names that become folders and files.
    fn file_name(&self, what: &str, name: &str, span: std::ops::Range<usize>) -> Result<(), SpecError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '@');
        if !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain) {
            return Ok(());
        }
        let message = format!("expected a `{what}` of letters, digits, `_`, `-` and `.`, found `{name}`");
        Err(self.wrong(span, &message, Some("it becomes the name of a folder")))
    }

    /// Where a text stands in the file, for what the parser gives no place of.
    fn find(&self, text: &str) -> std::ops::Range<usize> {
        self.text.find(text).map_or(0..0, |at| at..at + text.len())
    }

    /// Every canonical column is given exactly once, and only by codes that exist.
    fn observations(&self) -> Result<(), SpecError> {
        let mut given: BTreeMap<CanonicalColumn, String> = BTreeMap::new();
        for (column, value) in &self.pipeline.constants {
            given.insert(*column.get_ref(), "[constants]".into());
            if !value.get_ref().contains('{') {
                self.code(*column.get_ref(), value.get_ref(), value.span())?;
            }
        }
        for (mark, flags) in &self.pipeline.flags {
            let list = self.codelists.get("flags");
            let unknown =
                flags.get_ref().chars().find(|flag| !list.is_some_and(|list| list.contains(&flag.to_string())));
            if let Some(flag) = unknown {
                let message = format!("`{}` becomes `{flag}`, which is not in flags.csv", mark.get_ref());
                return Err(self.wrong(flags.span(), &message, Some("give the letters of flags.csv, or nothing")));
            }
        }
        for (name, dimension) in &self.pipeline.dimensions {
            let columns = self.dimension(name, dimension)?;
            for column in columns {
                if let Some(other) = given.insert(column, format!("[dimensions.{}]", name.get_ref())) {
                    return Err(self.wrong(
                        name.span(),
                        &format!("`{}` is given twice, here and in {other}", column.name()),
                        Some("each canonical column comes from one place"),
                    ));
                }
            }
        }
        let missing: Vec<&str> = CanonicalColumn::ALL
            .into_iter()
            .filter(|column| !given.contains_key(column))
            .map(CanonicalColumn::name)
            .collect();
        if !missing.is_empty() {
            return Err(self.wrong(
                0..0,
                &format!("nothing gives the canonical columns {}", missing.join(", ")),
                Some("map a dimension to them with `to`, or state them in `[constants]`"),
            ));
        }
        Ok(())
    }

    /// The canonical columns that a dimension gives.
    fn dimension(&self, name: &Spanned<String>, dimension: &Dimension) -> Result<Vec<CanonicalColumn>, SpecError> {
        let mut columns: Vec<CanonicalColumn> = dimension.to.iter().map(|to| *to.get_ref()).collect();
        if let Some(require) = &dimension.require {
            for edition in &self.pipeline.editions {
                self.text_variables(require, name.span(), edition)?;
            }
        }
        if let Some(crosswalk) = &dimension.crosswalk {
            let Some(list) = self.codelists.get(crosswalk.get_ref()) else {
                let near = nearest(crosswalk.get_ref(), self.codelists.names());
                return Err(self.wrong(
                    crosswalk.span(),
                    &format!("expected a crosswalk of pipelines/codelists, found `{}`", crosswalk.get_ref()),
                    near.map(|near| format!("did you mean `{near}`?")).as_deref(),
                ));
            };
            let own = columns.clone();
            columns.clear();
            for column in list.columns.iter().skip(1).filter(|column| *column != RELATION) {
                let Some(column) = CanonicalColumn::from_name(column) else {
                    return Err(self.wrong(
                        crosswalk.span(),
                        &format!("`{}` of this crosswalk is no canonical column", column),
                        None,
                    ));
                };
                columns.push(column);
            }
            if !own.is_empty() && own != columns {
                let message = format!("`{}` is `to` another canonical column than its crosswalk gives", name.get_ref());
                return Err(self.wrong(crosswalk.span(), &message, None));
            }
        }
        for mapping in &dimension.codes {
            for edition in &self.pipeline.editions {
                self.text_variables(&mapping.get_ref().code, mapping.span(), edition)?;
            }
            let mut becomes = Vec::new();
            for (column, code) in &mapping.get_ref().becomes {
                let Some(column) = CanonicalColumn::from_name(column) else {
                    let names = CanonicalColumn::ALL.map(CanonicalColumn::name);
                    return Err(self.wrong(
                        mapping.span(),
                        &format!("expected a canonical column, found `{column}`"),
                        Some(&format!("there are {}", names.join(", "))),
                    ));
                };
                self.code(column, code, mapping.span())?;
                becomes.push(column);
            }
            becomes.sort();
            if columns.is_empty() {
                columns = becomes;
            } else {
                columns.sort();
                if columns != becomes {
                    return Err(self.wrong(
                        mapping.span(),
                        "this code gives other canonical columns than the rest of its dimension",
                        None,
                    ));
                }
            }
        }
        for pattern in &dimension.drop {
            for edition in &self.pipeline.editions {
                self.variables(pattern, edition)?;
            }
            if let Err(error) = globset::Glob::new(pattern.get_ref()) {
                return Err(self.wrong(pattern.span(), &format!("expected a pattern: {}", error.kind()), None));
            }
        }
        if columns.is_empty() && dimension.require.is_none() {
            return Err(self.wrong(
                name.span(),
                &format!("nothing says what becomes of the dimension `{}`", name.get_ref()),
                Some("give it `to`, `crosswalk`, `codes` or `require`"),
            ));
        }
        Ok(columns)
    }

    fn code(&self, column: CanonicalColumn, code: &str, span: std::ops::Range<usize>) -> Result<(), SpecError> {
        let Some(list) = column.codelist().and_then(|name| self.codelists.get(name)) else {
            return Ok(());
        };
        let constants = &self.pipeline.constants;
        let scheme = constants.iter().find(|(column, _)| *column.get_ref() == CanonicalColumn::SectorScheme);
        let scheme = scheme.map(|(_, value)| value.get_ref().as_str()).filter(|scheme| !scheme.contains('{'));
        let known = match scheme.filter(|_| column == CanonicalColumn::Sector) {
            Some(scheme) => list.contains_in(scheme, code),
            None => list.contains(code),
        };
        if known {
            return Ok(());
        }
        Err(self.wrong(
            span,
            &format!("expected a code of {}.csv, found `{code}`", list.name),
            nearest(code, list.codes()).map(|near| format!("did you mean `{near}`?")).as_deref(),
        ))
    }

    fn variables(&self, text: &Spanned<String>, edition: &Spanned<Edition>) -> Result<(), SpecError> {
        self.text_variables(text.get_ref(), text.span(), edition)
    }

    fn text_variables(
        &self,
        text: &str,
        span: std::ops::Range<usize>,
        edition: &Spanned<Edition>,
    ) -> Result<(), SpecError> {
        substitute(text, edition.get_ref()).map(|_| ()).map_err(|name| {
            self.wrong(
                span,
                &format!("`{{{name}}}` is no variable of the edition `{}`", edition.get_ref().dataset),
                Some("give every `[[editions]]` a value of that name"),
            )
        })
    }

    fn wrong(&self, span: std::ops::Range<usize>, message: &str, hint: Option<&str>) -> SpecError {
        let path: PathBuf = self.path.into();
        SpecError::Place {
            message: message.to_owned(),
            snippet: Box::new(Snippet::new(&path, self.text, span, "")),
            hint: hint.map(str::to_owned),
        }
    }
}
