//! Exit classes, the [`Hint`] trait, and the way an error is shown.
//!
//! Each room has an error enum of its own whose variants name the operation that failed and whose
//! `Display` never repeats its source. What they share is here: an error may carry a hint (what to
//! do about it), a [`Snippet`] (the place in a text file, underlined) and an exit class.

use std::fmt;
use std::path::{Path, PathBuf};

/// What the process's exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was asked for is done.
    Done = 0,
    /// It failed and nothing was published.
    Failed = 1,
    /// The command line, the configuration, a pipeline or a model is wrong; nothing was started.
    Usage = 2,
    /// Published (or still published), but some pipelines failed and their last good data was kept.
    Partial = 3,
}

impl Exit {
    /// Its name in metrics and spans.
    pub fn name(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::Failed => "failed",
            Exit::Usage => "usage",
            Exit::Partial => "partial",
        }
    }
}

/// An error that can say what to do about it.
pub trait Hint: std::error::Error {
    /// What the reader should do, in lower case, without a full stop.
    fn hint(&self) -> Option<String> {
        None
    }

    /// The place in a text file that is wrong, if there is one.
    fn snippet(&self) -> Option<&Snippet> {
        None
    }
}

/// A span of a text file, shown with the line underlined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The file as the user knows it.
    pub path: PathBuf,
    /// The whole text of the file.
    pub text: String,
    /// Byte range in `text` to underline.
    pub span: std::ops::Range<usize>,
    /// What to say under the line; may be empty.
    pub label: String,
}

impl Snippet {
    /// A snippet of `text`; the span is cut to the text and moved to character boundaries.
    pub fn new(path: &Path, text: &str, span: std::ops::Range<usize>, label: impl Into<String>) -> Self {
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = span.end.clamp(start, text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        Snippet { path: path.to_path_buf(), text: text.to_owned(), span: start..end, label: label.into() }
    }

    /// 1-based line and column (in characters) of the span's start.
    pub fn line_column(&self) -> (usize, usize) {
        let before = &self.text[..self.span.start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// An error with all that it says, rendered once: message, causes, place, hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The message followed by its causes, outermost first.
    pub chain: Vec<String>,
    /// The underlined place.
    pub snippet: Option<Snippet>,
    /// What to do.
    pub hint: Option<String>,
}

impl Report {
    /// Collects what `error` and its sources say.
    pub fn new(error: &(impl Hint + ?Sized)) -> Self {
        let mut chain = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            chain.push(cause.to_string());
            source = cause.source();
        }
        Report { chain, snippet: error.snippet().cloned(), hint: error.hint() }
    }

    /// The chain on one line, for logs and the ledger.
    pub fn one_line(&self) -> String {
        self.chain.join(": ")
    }
}

/// Shown with the class of the message (`error`, `warning`) in front. Colours are escape codes: print
/// through `anstream`, which removes them where they are not wanted.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet as Source};
        let title = self.chain.join("\n  caused by: ");
        let mut group =
            Level::ERROR.primary_title(title.as_str()).elements(Vec::<annotate_snippets::Element<'_>>::new());
        let path;
        if let Some(place) = &self.snippet {
            path = place.path.display().to_string();
            let mut annotation = AnnotationKind::Primary.span(place.span.clone());
            if !place.label.is_empty() {
                annotation = annotation.label(place.label.as_str());
            }
            group = group.element(Source::source(place.text.as_str()).path(path.as_str()).annotation(annotation));
        }
        write!(f, "{}", Renderer::styled().render(&[group]))?;
        if let Some(hint) = &self.hint {
            let style = anstyle::AnsiColor::Cyan.on_default().bold();
            write!(f, "\n{style}hint{style:#}: {hint}")?;
        }
        Ok(())
    }
}

/// The nearest of `known` to `found`, for "did you mean"; none when nothing is near.
pub fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(found, candidate), candidate))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, candidate)| candidate)
}

/// So many of `known` that are most like `found`, the nearest first, however far they are.
pub fn most_alike<'a>(found: &str, known: impl IntoIterator<Item = &'a str>, count: usize) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> =
        known.into_iter().map(|candidate| (strsim::jaro_winkler(found, candidate), candidate)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.dedup();
    scored.into_iter().take(count).map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_snippet_knows_its_line_and_column() {
        let text = "año = 1\nurll = 2\n";
        let at = text.find("urll").unwrap();
        let snippet = Snippet::new(Path::new("a.toml"), text, at..at + 4, "");
        assert_eq!(snippet.line_column(), (2, 1));
        let inside = Snippet::new(Path::new("a.toml"), text, 2..2, "");
        assert_eq!(inside.span, 1..3.min(inside.span.end.max(1)).max(1), "moved to a character boundary");
    }

    #[test]
    fn nearest_suggests_only_what_is_near() {
        assert_eq!(nearest("PC_ETN", ["PC_ENT", "NR"]), Some("PC_ENT"));
        assert_eq!(nearest("xyz", ["PC_ENT", "NR"]), None);
        assert_eq!(most_alike("PC_ETN", ["NR", "PC_EMP", "PC_ENT", "PC_ENT"], 2), ["PC_ENT", "PC_EMP"]);
    }
}
